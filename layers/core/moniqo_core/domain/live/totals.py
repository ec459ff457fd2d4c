"""Running totals of a live wallet: those of its fills, as of a paper wallet, its positions, and its transfers.

Totals after an entry of the journal = totals before it + what the entry says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.live.transfers import Transfer
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.domain.portfolio.average_cost import after_trade
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.portfolio.position_records import Positions
from moniqo_core.domain.portfolio.trade_totals import EpochStart, TradeTotals, changed_totals


class LiveTotals(NamedTuple):
    """The totals as of an entry.

    ``trades`` counts what the positions cover, with fees in the quote asset. A sale of what was there before the
    journal, or came by a transfer, is not in it. ``other_fees`` are the fees in third assets, and ``transfers`` the
    deposits less the withdrawals, both by asset. ``records`` has each position from its first fill to its last.
    """

    trades: TradeTotals
    positions: Mapping[str, Position]
    records: Positions
    other_fees: Mapping[str, Decimal]
    transfers: Mapping[str, Decimal]


def no_totals(seq: int, at: datetime) -> LiveTotals:
    """Return the totals of a journal that begins with entry ``seq``. The value of what it began with is not known."""
    return LiveTotals(TradeTotals(seq, EpochStart(at, ZERO), {}), {}, Positions(), {}, {})


def with_fills(before: LiveTotals, seq: int, fills: Iterable[Fill], ended: Iterable[tuple[str, str]]) -> LiveTotals:
    """Add the fills of entry ``seq``, in their order.

    ``ended`` are symbol and id of each order that will not get more fills.
    """
    positions, fees, counted = dict(before.positions), dict(before.other_fees), []
    with exact():
        for fill in fills:
            base, _, quote = fill.symbol.partition("/")
            held = positions.get(fill.symbol, Position())
            after = positions[fill.symbol] = after_trade(held, fill, base)
            if after.amount != held.amount:
                counted.append(_covered(fill, held, after))
            if fill.fee_currency not in {base, quote}:
                fees[fill.fee_currency] = fees.get(fill.fee_currency, ZERO) + fill.fee
    changed = changed_totals(before.trades, counted, ended)
    return before._replace(
        trades=before.trades.after(seq, changed),
        positions=positions,
        records=before.records.after(seq, counted),
        other_fees=fees,
    )


def with_transfers(before: LiveTotals, found: Iterable[Transfer]) -> LiveTotals:
    """Add deposits and withdrawals."""
    transfers = dict(before.transfers)
    with exact():
        for each in found:
            transfers[each.asset] = transfers.get(each.asset, ZERO) + each.amount
    return before._replace(transfers=transfers)


def _covered(fill: Fill, before: Position, after: Position) -> Fill:
    """Return the part of a fill that the position covers, with its fee in the quote asset and its realised PnL."""
    fee, realised = after.fees - before.fees, after.realised - before.realised
    quote = fill.quote if fill.side is OrderSide.BUY else realised + fee + before.cost - after.cost
    return fill._replace(amount=abs(after.amount - before.amount), quote=quote, fee=fee, realised=realised)
