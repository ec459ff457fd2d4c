"""How the parts of a demo account are written in MongoDB.

Symbols and assets are keys of documents; a dot in one (``BRK.B/USD``) would read as a path and is written as ``%2E``.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from moniqo_core.domain.ledger.account import ObservedMarket, OpenOrderTotals, TakenLevels
from moniqo_core.domain.market.market import Market, PriceLevel
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.risk.loss_limits import LocalDay


def document_key(name: str) -> str:
    """Write a symbol or asset as a document key."""
    return name.replace("%", "%25").replace(".", "%2E")


def read_document_key(text: str) -> str:
    """Read what :func:`key` wrote."""
    return text.replace("%2E", ".").replace("%25", "%")


def entry_id(user_wallet_id: str, seq: int) -> str:
    """Return the ``_id`` of a journal entry; inserting it is the commit."""
    return f"{user_wallet_id}:{seq:012d}"


def holding_values(holding: Holding) -> list[str]:
    """Write free and locked."""
    return [plain(holding.free), plain(holding.locked)]


def position_values(position: Position) -> list[str]:
    """Write amount, cost, realised PnL and fees."""
    return [plain(value) for value in position]


def taken_values(book: TakenLevels) -> list[list[str]]:
    """Write price, shown size and what was taken of each level."""
    return [[plain(level.price), plain(level.amount), plain(gone)] for level, gone in book.items()]


def open_order_totals_values(open_order_totals: OpenOrderTotals) -> list[object]:
    """Write how many orders are open, how many expire, and what their buys still buy."""
    return [open_order_totals.orders, open_order_totals.expiring, plain(open_order_totals.buying)]


def day_values(day: LocalDay | None) -> list[object] | None:
    """Write the local day."""
    return None if day is None else [plain(day.equity), day.until]


def observed_market_values(shown: ObservedMarket) -> list[object]:
    """Write a market as a venue showed it, and half its spread."""
    market, half_spread = shown
    numbers = (market.tick_size, market.lot_step, market.min_amount, market.min_notional, half_spread)
    return [market.base, market.quote, market.hours, *map(plain, numbers)]


def taken_key(book: str, side: OrderSide) -> str:
    """Name one side of a book."""
    return f"{side.value}:{document_key(book)}"


def read_observed_market(symbol: str, values: list[Any]) -> ObservedMarket:
    """Read what :func:`observed_market_values` wrote."""
    base, quote, hours, *numbers = values
    tick, lot, amount, notional, half_spread = (Decimal(number) for number in numbers)
    return ObservedMarket(Market(symbol, base, quote, tick, lot, amount, notional, hours), half_spread)


def read_taken_key(text: str) -> tuple[str, OrderSide]:
    """Read what :func:`taken_key` wrote."""
    side, _, symbol = text.partition(":")
    return read_document_key(symbol), OrderSide(side)


def read_taken(levels: Iterable[list[str]]) -> dict[PriceLevel, Decimal]:
    """Read what :func:`taken_values` wrote."""
    return {PriceLevel(Decimal(price), Decimal(shown)): Decimal(gone) for price, shown, gone in levels}
