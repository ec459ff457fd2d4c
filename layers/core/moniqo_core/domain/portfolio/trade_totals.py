"""Running totals of the fills of an epoch: totals after a commit = totals before it + its fills.

They are plain sums per symbol, so performance does not need the entries that they cover. The journal of a live wallet
has the same fills, and needs nothing else for the same totals. A closed trade is everything that one sell order sold.
While that order may sell more, its trade is an :class:`OpenSale`. Amounts are in the quote asset, times in seconds
since the epoch began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderSide

_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = Decimal("0.001")
_OF_TIMES: Final = Decimal("0.00000001")
"""The places of an amount x seconds. Amounts of money are never rounded here."""


class OpenSale(NamedTuple):
    """What a sell order sold so far: PnL after fees, amount, and the sum of amount x seconds that it was held."""

    pnl: Decimal = ZERO
    amount: Decimal = ZERO
    held: Decimal = ZERO


class SymbolTotals(NamedTuple):
    """The totals of one symbol.

    ``amount`` is what the fills left. ``entry_fees`` are the fees of its purchases, and ``entry_times`` the sum of
    amount x time of purchase. A sale takes its share of both, at average cost as for the position. ``bought`` and
    ``sold`` are the quote amounts of all fills, and ``fees`` their fees. ``gains`` and ``lost`` add up the closed
    trades that won and lost, as positive numbers, and ``held_seconds`` the mean times that each was held.
    """

    amount: Decimal = ZERO
    entry_fees: Decimal = ZERO
    entry_times: Decimal = ZERO
    fills: int = 0
    fees: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    trades: int = 0
    wins: int = 0
    losses: int = 0
    gains: Decimal = ZERO
    lost: Decimal = ZERO
    best: Decimal | None = None
    worst: Decimal | None = None
    held_seconds: Decimal = ZERO
    open_sales: Mapping[str, OpenSale] = {}

    def settled(self) -> SymbolTotals:
        """Return the totals as if no open order sold more, so with a closed trade for each open sale."""
        totals = self
        for order_id in self.open_sales:
            totals = _with_ended(totals, order_id)
        return totals


class EpochStart(NamedTuple):
    """The start of an epoch: its time and equity."""

    at: datetime
    equity: Decimal


class TradeTotals(NamedTuple):
    """The totals of an epoch as of entry ``seq``. Totals of an earlier entry lack the fills since then."""

    seq: int
    start: EpochStart
    symbols: Mapping[str, SymbolTotals]

    def after(self, seq: int, changed: Mapping[str, SymbolTotals]) -> TradeTotals:
        """Return the totals as of entry ``seq``, which changed these symbols as :func:`changed_totals` tells."""
        return TradeTotals(seq, self.start, {**self.symbols, **changed} if changed else self.symbols)


def begun_totals(seq: int, start: EpochStart, held: Mapping[str, Decimal]) -> TradeTotals:
    """Return the totals of an epoch that begins with entry ``seq`` and these amounts, which only a fork has."""
    return TradeTotals(seq, start, {symbol: SymbolTotals(amount) for symbol, amount in held.items() if amount})


def changed_totals(
    before: TradeTotals, fills: Iterable[Fill], ended: Iterable[tuple[str, str]]
) -> dict[str, SymbolTotals]:
    """Return the totals of the symbols that an entry changes.

    Args:
        before: The totals before the entry.
        fills: Its fills, in their order.
        ended: Symbol and id of each order that ended with it, for any reason.

    """
    changed: dict[str, SymbolTotals] = {}
    with exact():
        for fill in fills:
            known = changed.get(fill.symbol) or before.symbols.get(fill.symbol, NO_FILLS)
            changed[fill.symbol] = _with_fill(known, fill, (fill.at - before.start.at) // _SECOND)
        for symbol, order_id in ended:
            known = changed.get(symbol) or before.symbols.get(symbol, NO_FILLS)
            if order_id in known.open_sales:
                changed[symbol] = _with_ended(known, order_id)
    return changed


NO_FILLS: Final = SymbolTotals()


def _with_fill(totals: SymbolTotals, fill: Fill, seconds: int) -> SymbolTotals:
    if fill.side is OrderSide.BUY:
        return totals._replace(
            amount=totals.amount + fill.amount,
            entry_fees=totals.entry_fees + fill.fee,
            entry_times=totals.entry_times + fill.amount * seconds,
            fills=totals.fills + 1,
            fees=totals.fees + fill.fee,
            bought=totals.bought + fill.quote,
        )
    fees, times = totals.entry_fees, totals.entry_times
    if fill.amount != totals.amount:
        fees = fees * fill.amount / totals.amount
        times = (times * fill.amount / totals.amount).quantize(_OF_TIMES)
    sale = totals.open_sales.get(fill.order_id, OpenSale())
    more = OpenSale(
        sale.pnl + fill.realised - fees, sale.amount + fill.amount, sale.held + fill.amount * seconds - times
    )
    return totals._replace(
        amount=totals.amount - fill.amount,
        entry_fees=totals.entry_fees - fees,
        entry_times=totals.entry_times - times,
        fills=totals.fills + 1,
        fees=totals.fees + fill.fee,
        sold=totals.sold + fill.quote,
        open_sales={**totals.open_sales, fill.order_id: more},
    )


def _with_ended(totals: SymbolTotals, order_id: str) -> SymbolTotals:
    """Make the open sale of an order that sells no more a closed trade."""
    pnl, amount, held = totals.open_sales[order_id]
    return totals._replace(
        trades=totals.trades + 1,
        wins=totals.wins + (pnl > 0),
        losses=totals.losses + (pnl < 0),
        gains=totals.gains + max(pnl, ZERO),
        lost=totals.lost - min(pnl, ZERO),
        best=pnl if totals.best is None else max(totals.best, pnl),
        worst=pnl if totals.worst is None else min(totals.worst, pnl),
        held_seconds=totals.held_seconds + (held / amount).quantize(_MILLISECOND),
        open_sales={name: sale for name, sale in totals.open_sales.items() if name != order_id},
    )
