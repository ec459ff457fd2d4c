"""Records of positions: each from the fill that opened it to the one that closed it, as a pure fold over fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderSide


class PositionRecord(NamedTuple):
    """One position in a symbol. Amounts are in the base asset, everything else is in the quote asset.

    ``cost`` was paid and ``proceeds`` were received, both without ``fees``. ``realised`` is the profit after fees.
    ``closed_at`` and ``closed_seq``, the entry of the last sale, are None while anything is held.
    """

    symbol: str
    opened_at: datetime
    fills: int = 0
    bought: Decimal = ZERO
    cost: Decimal = ZERO
    sold: Decimal = ZERO
    proceeds: Decimal = ZERO
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    closed_at: datetime | None = None
    closed_seq: int | None = None


class Positions(NamedTuple):
    """Open positions by symbol, and closed ones in the order in which they were closed."""

    open: Mapping[str, PositionRecord] = {}
    closed: tuple[PositionRecord, ...] = ()

    def after(self, seq: int, fills: Iterable[Fill]) -> Positions:
        """Add the fills of entry ``seq``, in their order. A sale never exceeds what is held."""
        held, closed = dict(self.open), self.closed
        with exact():
            for fill in fills:
                record = _with_fill(held.get(fill.symbol, PositionRecord(fill.symbol, fill.at)), fill)
                if record.bought == record.sold:
                    held.pop(fill.symbol, None)
                    closed += (record._replace(closed_at=fill.at, closed_seq=seq),)
                else:
                    held[fill.symbol] = record
        return Positions(held, closed)


def _with_fill(record: PositionRecord, fill: Fill) -> PositionRecord:
    counted = record._replace(
        fills=record.fills + 1, fees=record.fees + fill.fee, realised=record.realised + fill.realised
    )
    if fill.side is OrderSide.BUY:
        return counted._replace(bought=record.bought + fill.amount, cost=record.cost + fill.quote)
    return counted._replace(sold=record.sold + fill.amount, proceeds=record.proceeds + fill.quote)
