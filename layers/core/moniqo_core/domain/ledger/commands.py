"""The commands of a demo wallet. Each becomes an entry of its journal, some of them as the command they resolve to."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from moniqo_core.domain.added_fields import ADDED
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand, SetLimits


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Open the account, or open it as a fork of another wallet.

    For a fork, ``forked_from`` is the other wallet's id, a colon and the ``seq`` of the entry. The account stores its
    terms, so the command has none.
    """

    forked_from: str | None = None


@dataclass(frozen=True, slots=True)
class ResetAccount:
    """Start a new epoch. The history stays. A repeated ``key`` resets only once.

    ``initial_balance`` is what the epoch starts with, in the cash asset. None is the balance the account opened with.
    """

    key: str | None = None
    initial_balance: Decimal | None = field(default=None, metadata=ADDED)


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
    """Record how far the path was walked. Fills on the way are part of the entry."""


Command = (
    OpenAccount
    | OrderRequest
    | ClosePosition
    | ReplaceOrder
    | ResetAccount
    | CancelOrder
    | CancelAllOrders
    | RecordEvaluation
    | SetLimits
    | LifecycleCommand
)
