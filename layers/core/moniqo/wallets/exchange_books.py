"""What moved in an account at a venue since its last sync, from its fills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo.domain.balance_equation import Books, Flow
from moniqo.domain.money import ZERO, exact
from moniqo.domain.order import OrderSide
from moniqo.domain.statement import Opening
from moniqo.wallets.exchange_orders import VenueFill

MOST_SYMBOLS: Final = 10
"""Markets whose fills are read for one sync; an account that moved in more of them does not tell what moved."""

ReadFills = Callable[[str, datetime], Awaitable[Sequence[VenueFill]]]


async def books_at(
    opening: Opening, totals: Mapping[str, Decimal], at: datetime, symbols: Collection[str], fills: ReadFills
) -> Books | None:
    """Bring the books of an account forward to ``at``, when it held ``totals``; None when that takes too many calls.

    Only markets between assets that changed are read: none for an account that stood still. Deposits and withdrawals
    are not among fills, so they are left over in the balance equation; a fill in the very moment of the look is left
    over once and taken back by the next look. What was there at the first look counts as transferred.
    """
    books = opening.books
    if books is None:
        return Books(1, at, {asset: Flow(transferred=total) for asset, total in totals.items()})
    changed = {
        asset for asset in {*totals, *opening.totals} if totals.get(asset, ZERO) != opening.totals.get(asset, ZERO)
    }
    traded = [symbol for symbol in symbols if changed.issuperset(symbol.split("/"))]
    if len(traded) > MOST_SYMBOLS:
        return None
    found = [fill for symbol in traded for fill in await fills(symbol, books.until)]
    return replace(books, until=at, flows=_with(books.flows, (f for f in found if books.until < f.at <= at)))


def _with(flows: Mapping[str, Flow], fills: Iterable[VenueFill]) -> Mapping[str, Flow]:
    traded: dict[str, Decimal] = defaultdict(Decimal)
    fees: dict[str, Decimal] = defaultdict(Decimal)
    with exact():
        for fill in fills:
            base, quote = fill.symbol.split("/")
            sign = 1 if fill.side is OrderSide.BUY else -1
            traded[base] += sign * fill.amount
            traded[quote] -= sign * fill.quote
            fees[fill.fee_currency] += fill.fee
        after = dict(flows)
        for asset in {*traded, *fees}:
            known = flows.get(asset, Flow())
            after[asset] = known._replace(traded=known.traded + traded[asset], fees=known.fees + fees[asset])
    return after
