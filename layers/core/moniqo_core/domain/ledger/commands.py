"""What can be asked of a demo wallet. Each command becomes one entry of its ledger."""

from __future__ import annotations

from dataclasses import dataclass

from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, SetLimits, SetStatus


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open the account, or fork it from another's ledger; the terms stand in the account itself."""

    forked_from: str | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Sell everything held of a symbol at market; open sells of the symbol are cancelled first."""

    symbol: str


@dataclass(frozen=True, slots=True)
class ResetAccount:
    """Start again with the starting balance, in a new epoch; the history stays. A repeated ``key`` does it once."""

    key: str | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Cancel one order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class CancelAllOrders:
    """Cancel every open order, or those of one symbol."""

    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class RecordEvaluation:
    """Record how far the path was walked; what filled on the way is part of the entry."""


Command = (
    OpenAccount
    | OrderRequest
    | ClosePosition
    | ResetAccount
    | CancelOrder
    | CancelAllOrders
    | RecordEvaluation
    | SetStatus
    | SetLimits
    | DeleteWallet
)
