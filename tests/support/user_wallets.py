"""User wallets that no database has, for tests of rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus


def active_wallet(limits: RiskLimits, at: datetime, **changes: Any) -> UserWallet:
    """An active live wallet, created ``at``. ``changes`` are its other attributes."""
    made = UserWallet(
        id="w",
        user_id="u",
        wallet_id="d",
        wallet_name="Binance",
        wallet_slug="binance-spot-v1",
        custom_name="mine",
        risk_limits=limits,
        created_at=at,
        updated_at=at,
        is_demo=False,
        status=UserWalletStatus.ACTIVE,
    )
    return replace(made, **changes)
