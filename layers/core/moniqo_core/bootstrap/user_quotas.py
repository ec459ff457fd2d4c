"""The factories of limits for each user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.services.shared.user_quotas import PerMinute, WalletLimit


def per_minute(what: str, limit: int) -> PerMinute:
    """Return a limit on how often each user may do ``what`` per minute."""
    from moniqo_core.services.shared.user_quotas import MINUTE, PerMinute
    from moniqo_core.storage.rate_counters import RateCounters

    return PerMinute(what, limit, RateCounters(bootstrap.database(), MINUTE))


def wallet_limit() -> WalletLimit:
    """Return the limit on how many wallets each user may have."""
    from moniqo_core.services.shared.user_quotas import WalletLimit
    from moniqo_core.storage.wallets.wallet_slots import WalletSlots

    return WalletLimit(bootstrap.settings().wallets_per_user, WalletSlots(bootstrap.database()))
