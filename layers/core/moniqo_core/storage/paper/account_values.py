"""The stored form of the parts of a demo account.

Symbols and assets are document keys. MongoDB would read a dot in one (``BRK.B/USD``) as a path, so it is written as
``%2E``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.ledger.account import ObservedMarket, OpenOrderTotals, TakenLevels
from moniqo_core.domain.ledger.holdings import AccountHoldings
from moniqo_core.domain.market.market import SIMULATED, Market, PriceLevel
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.risk.loss_limits import LocalDay
from moniqo_core.storage.document import document_key, read_document_key

SNAPSHOT_FIELDS: Final = frozenset(
    {
        *("_id", "user_wallet_id", "user_id", "seq", "next_entry", "epoch", "at", "status", "reason", "deleted"),
        *("terms", "limits", "limits_version", "balances", "positions", "orders", "interest", "taken"),
        *("evaluated_until", "marks", "opening", "peak", "day", "paused_by_limit", "forked_from", "still_since"),
        *("feed", "shown", "turn", "pause_level", "before_suspension"),
    }
)
"""The fields of a snapshot that this release stores."""


def entry_id(user_wallet_id: str, seq: int) -> str:
    """Return the ``_id`` of a journal entry. Inserting the entry is the commit."""
    return f"{user_wallet_id}:{seq:012d}"


def holding_values(holding: Holding) -> list[str]:
    """Return the stored form of a holding: free and locked."""
    return [plain(holding.free), plain(holding.locked)]


def position_values(position: Position) -> list[str]:
    """Return the stored form of a position: amount, cost, realised profit and fees."""
    return [plain(value) for value in position]


def taken_values(book: TakenLevels) -> list[list[str]]:
    """Return the stored form of taken levels: price, shown amount and taken amount of each."""
    return [[plain(level.price), plain(level.amount), plain(gone)] for level, gone in book.items()]


def open_order_totals_values(open_order_totals: OpenOrderTotals) -> list[object]:
    """Return the stored form of the totals: open orders, those that expire, and the amount still to buy."""
    return [open_order_totals.orders, open_order_totals.expiring, plain(open_order_totals.buying)]


def day_values(day: LocalDay | None) -> list[object] | None:
    """Return the stored form of the local day."""
    return None if day is None else [plain(day.equity), day.until]


def observed_market_values(shown: ObservedMarket) -> list[object]:
    """Return the stored form of a market as a venue showed it, with half its spread."""
    market, half_spread = shown
    numbers = (market.tick_size, market.lot_step, market.min_amount, market.min_notional, half_spread)
    return [market.base, market.quote, market.hours, *map(plain, numbers)]


def taken_key(book: str, side: OrderSide) -> str:
    """Return the document key of one side of an order book."""
    return f"{side}:{document_key(book)}"


def read_balances(stored: Mapping[str, list[str]]) -> dict[str, Holding]:
    """Return the holdings of an account by asset."""
    return {
        read_document_key(asset): Holding(Decimal(free), Decimal(locked)) for asset, (free, locked) in stored.items()
    }


def read_positions(stored: Mapping[str, list[str]]) -> dict[str, Position]:
    """Return the positions of an account by symbol."""
    return {read_document_key(symbol): Position(*map(Decimal, values)) for symbol, values in stored.items()}


def read_holdings(snapshot: Mapping[str, Any]) -> AccountHoldings:
    """Return what the account of a snapshot document holds. Nothing else of the document is decoded."""
    return AccountHoldings(
        cash_asset=snapshot["terms"]["cash_asset"],
        feed=snapshot.get("feed", SIMULATED),
        balances=read_balances(snapshot["balances"]),
        positions=read_positions(snapshot["positions"]),
    )


def read_observed_market(symbol: str, values: list[Any]) -> ObservedMarket:
    """Return the market of values that :func:`observed_market_values` returned."""
    base, quote, hours, *numbers = values
    tick, lot, amount, notional, half_spread = (Decimal(number) for number in numbers)
    return ObservedMarket(Market(symbol, base, quote, tick, lot, amount, notional, hours), half_spread)


def read_taken_key(text: str) -> tuple[str, OrderSide]:
    """Return the book and the side of a key that :func:`taken_key` returned."""
    side, _, symbol = text.partition(":")
    return read_document_key(symbol), OrderSide(side)


def read_taken(levels: Iterable[list[str]]) -> dict[PriceLevel, Decimal]:
    """Return the levels of values that :func:`taken_values` returned."""
    return {PriceLevel(Decimal(price), Decimal(shown)): Decimal(gone) for price, shown, gone in levels}
