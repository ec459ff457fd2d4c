"""The data that a sync reads about an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.portfolio.balance_equation import AssetFlows
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.portfolio.valuation import AssetValue, Valuation
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.user_wallet import (
    STOPPED_STATUSES,
    AccountRecord,
    BalanceSnapshot,
    SnapshotAsset,
    UserWallet,
    UserWalletStatus,
)

PRICE_MAY_RETURN: Final = timedelta(days=1)
"""How long a price may be missing before equity is stored without the holding."""


class PreviousSync(NamedTuple):
    """The result of the last sync: totals per asset, and the movements up to then.

    ``asset_flows`` is None before the first sync.
    """

    totals: Mapping[str, Decimal]
    asset_flows: AssetFlows | None


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """Holdings, profit and movements of an account, and hours of equity that are not stored yet.

    ``asset_flows`` is None when the account does not report its movements. ``record`` is set for a paper account only.
    ``api_calls`` counts the calls to a venue.
    """

    value: Valuation
    asset_flows: AssetFlows | None = None
    samples: Sequence[EquitySample] = ()
    record: AccountRecord | None = None
    permissions: KeyPermissions | None = None
    api_calls: int = 0


def corrected(wallet: UserWallet, record: AccountRecord) -> UserWallet:
    """Return the wallet as its journal has it, or the same object when nothing differs.

    An interrupted commit may have left the user wallet behind. ``evaluated_until`` usually differs, so only its
    presence is compared. A wallet that lost its connection is active in its journal.
    """
    changes: dict[str, object] = {}
    expected = wallet.status if wallet.status in STOPPED_STATUSES else UserWalletStatus.ACTIVE
    if record.status is not expected:
        suspended = record.status is UserWalletStatus.SUSPENDED
        changes["status"], changes["status_reason"] = record.status, record.reason
        changes["status_before_suspension"] = wallet.status if suspended else None
    if record.pause_level is not None and record.pause_level is not wallet.pause_level:
        changes["pause_level"] = record.pause_level
    before = record.status_before_suspension
    if before is not None and before is not wallet.status_before_suspension:
        changes["status_before_suspension"] = before
    if record.limits is not None and record.limits != wallet.risk_limits:
        changes["risk_limits"] = record.limits
    if record.has_open_orders != wallet.has_open_orders:
        changes["has_open_orders"] = record.has_open_orders
    if (record.evaluated_until is None) is not (wallet.evaluated_until is None):
        changes["evaluated_until"] = record.evaluated_until
    return replace(wallet, **changes) if changes else wallet  # type: ignore[arg-type]


def previous_sync_of(balance: BalanceSnapshot) -> PreviousSync:
    """Return the result of the last sync from its snapshot."""
    return PreviousSync({held.asset: held.total for held in balance.assets}, balance.asset_flows)


def balance_snapshot(
    statement: AccountStatement, now: datetime, before: BalanceSnapshot | None = None
) -> BalanceSnapshot:
    """Return the snapshot of a statement, read at ``now``. ``before`` is that of the last sync, if there was one."""
    value = statement.value
    known = None if before is None else {held.asset: held for held in before.assets}
    assets = tuple(
        SnapshotAsset(held.asset, held.free, held.locked, held.total, held.value_usd, _unpriced_since(held, known, now))
        for held in value.assets
    )
    total, asset_flows = value.total_value_usd, statement.asset_flows
    partial = value.stale or total is None
    return BalanceSnapshot(
        now, assets, total, value.realised_pnl, value.unrealised_pnl, partial, asset_flows, value.firm
    )


def _unpriced_since(held: AssetValue, known: Mapping[str, SnapshotAsset] | None, now: datetime) -> datetime | None:
    if held.value_usd is not None or known is None:
        return None
    before = known.get(held.asset)
    return now if before is None or before.value_usd is not None else before.unpriced_since


def misses_a_price(balance: BalanceSnapshot, now: datetime) -> bool:
    """Tell whether a holding lost its price less than a day ago.

    The price may return. Until then the total seems to have fallen.
    """
    since = [held.unpriced_since for held in balance.assets if held.unpriced_since is not None]
    return any(now - moment < PRICE_MAY_RETURN for moment in since)
