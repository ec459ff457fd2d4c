"""Every command a demo account takes, decided on a draft that has walked the path up to it."""

from __future__ import annotations

from moniqo_core.domain.ledger.commands import Cancel, CancelAll, ClosePosition, Command, Mark, Reset
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.ledger.draft import Draft
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import lifecycle
from moniqo_core.domain.paper import orders as trading
from moniqo_core.domain.wallets.changes import Close, SetLimits, SetStatus


def decide(draft: Draft, command: Command, context: MarketContext | None) -> Commit:
    """Decide ``command``; the same draft, command and basis always give the same commit.

    Raises what the functions of :mod:`moniqo_core.domain.paper.orders` and :mod:`moniqo_core.domain.paper.lifecycle`
    raise.
    """
    match command:
        case OrderRequest() if context is not None:
            return trading.place(draft, command, context)
        case ClosePosition() if context is not None:
            return trading.close_position(draft, command, context)
        case Cancel():
            return trading.cancel(draft, command)
        case CancelAll():
            return trading.cancel_all(draft, command)
        case SetStatus() | SetLimits() | Reset() | Close():
            return lifecycle.change(draft, command)
        case Mark():
            return draft.commit(command)
        case _:
            message = f"{type(command).__name__} cannot be decided on an account, or needs a market context."
            raise ValueError(message)
