"""Writes the command of a journal entry, and the market context that it was decided on.

:mod:`moniqo_core.storage.paper.decision_input_decoder` reads it.

The command of an order is written field by field. Other commands follow the fields of their dataclasses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from moniqo_core.domain.added_fields import given_fields
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.market.market import SIMULATED, Market, PriceLevel
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.storage.document import Document, optional_text
from moniqo_core.storage.orders.order_codec import levels_document
from moniqo_core.storage.risk_limits import limits_document

_MAXIMUMS: Final = ("max_price", "max_amount", "max_notional")
"""The maximums of a market. One that a market does not have is not stored."""


def command_document(command: Command) -> Document:
    """Return the document of a command."""
    if isinstance(command, OrderRequest):
        return _order_request_document(command)
    return {name: _plain_data(value) for name, value in given_fields(command).items()}


def _order_request_document(order: OrderRequest) -> Document:
    return {
        "symbol": order.symbol,
        "side": str(order.side),
        "type": str(order.type),
        "amount": optional_text(order.amount),
        "quote_amount": optional_text(order.quote_amount),
        "price": optional_text(order.price),
        "stop_price": optional_text(order.stop_price),
        "trail_percent": optional_text(order.trail_percent),
        "time_in_force": str(order.time_in_force),
        "expires_at": order.expires_at,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "stop_loss": _exit_document(order.stop_loss),
        "take_profit": _exit_document(order.take_profit),
        "client_order_id": order.client_order_id,
        "metadata": json.dumps(order.metadata, ensure_ascii=False) if order.metadata else "{}",
    }


def _exit_document(spec: ExitSpec | None) -> Document | None:
    return (
        None if spec is None else {"stop_price": optional_text(spec.stop_price), "percent": optional_text(spec.percent)}
    )


def _plain_data(value: object) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, RiskLimits):
        return limits_document(value)
    return value


def context_document(commit: Commit, context: MarketContext) -> Document:
    """Return the document of a commit's market context: marks, rates and the order book.

    A simulated book is only stored as deep as the decision needed, because it can be computed again.
    """
    snapshot, command = context.snapshot, commit.command
    bids, asks = snapshot.bids, snapshot.asks
    if snapshot.source == SIMULATED:  # a venue's book cannot be read again
        # How much a quote amount buys also depends on the price of the next level.
        beyond = 1 if isinstance(command, OrderRequest) and command.quote_amount is not None else 0
        memory = {level for (name, _), book in commit.after.taken.items() if name == snapshot.book for level in book}
        bids, asks = (_as_deep_as(levels, memory, beyond) for levels in (bids, asks))
    return {
        "market": _market_document(context.market),
        "at": snapshot.at,
        "last": plain(snapshot.last),
        "source": snapshot.source,
        "bids": levels_document(bids),
        "asks": levels_document(asks),
        "marks": [[symbol, plain(mark)] for symbol, mark in context.marks.items()],
        "usd_rate": plain(context.usd_rate),
        "session_close": context.session_close,
        "is_open": context.is_open,
        "next_open": context.next_open,
    }


def _market_document(market: Market) -> Document:
    return {
        "symbol": market.symbol,
        "base": market.base,
        "quote": market.quote,
        "tick_size": plain(market.tick_size),
        "lot_step": plain(market.lot_step),
        "min_amount": plain(market.min_amount),
        "min_notional": plain(market.min_notional),
        "hours": market.hours,
        **{name: plain(value) for name in _MAXIMUMS if (value := getattr(market, name)) is not None},
    }


def _as_deep_as(levels: Iterable[PriceLevel], taken: set[PriceLevel], beyond: int) -> list[PriceLevel]:
    book = list(levels)
    deepest = max((index for index, level in enumerate(book) if level in taken), default=0)
    return book[: deepest + 1 + beyond]
