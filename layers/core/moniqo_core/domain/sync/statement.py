"""What an account says of itself when its balance is synced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.portfolio.balance_equation import AssetFlows
from moniqo_core.domain.portfolio.equity_curve import Sample
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.user_wallet import (
    STOPPED,
    AccountRecord,
    BalanceSnapshot,
    UserWallet,
    UserWalletStatus,
)


class Opening(NamedTuple):
    """What the last sync left: totals per asset, and what had moved by then; ``books`` of None is the first time."""

    totals: Mapping[str, Decimal]
    asset_flows: AssetFlows | None


@dataclass(frozen=True, slots=True)
class Statement:
    """Holdings and profit, what moved, and hours of equity that nobody wrote down yet.

    ``books`` of None: the account does not tell what moved. ``record`` is a paper account's own. ``api_calls`` counts
    calls to a venue.
    """

    value: Valuation
    asset_flows: AssetFlows | None = None
    samples: Sequence[Sample] = ()
    record: AccountRecord | None = None
    permissions: KeyPermissions | None = None
    api_calls: int = 0


def mended(wallet: UserWallet, record: AccountRecord) -> UserWallet:
    """Return the wallet as the journal has it, the very same object when nothing differs.

    A commit cut short may have left the user wallet behind. How far the market was followed differs as a rule and only
    whether it is followed counts; a wallet that lost its connection is active in the journal.
    """
    changes: dict[str, object] = {}
    told = wallet.status if wallet.status in STOPPED else UserWalletStatus.ACTIVE
    if record.status is not told:
        suspended = record.status is UserWalletStatus.SUSPENDED
        changes["status"], changes["status_reason"] = record.status, record.reason
        changes["status_before_suspension"] = wallet.status if suspended else None
    if record.limits is not None and record.limits != wallet.risk_limits:
        changes["risk_limits"] = record.limits
    if record.has_open_orders != wallet.has_open_orders:
        changes["has_open_orders"] = record.has_open_orders
    if (record.evaluated_until is None) is not (wallet.evaluated_until is None):
        changes["evaluated_until"] = record.evaluated_until
    return replace(wallet, **changes) if changes else wallet  # type: ignore[arg-type]


def opening_of(balance: BalanceSnapshot) -> Opening:
    """Return what the last sync left."""
    return Opening({held.asset: held.total for held in balance.assets}, balance.asset_flows)
