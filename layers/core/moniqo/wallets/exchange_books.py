"""What moved in an account at a venue since its last sync, from its fills."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo.domain.balance_equation import Books, Flow, balance_equation
from moniqo.domain.money import ZERO, exact
from moniqo.domain.order import Fill, OrderSide
from moniqo.domain.statement import Opening
from moniqo.wallets.exchange_orders import VenueFill

MOST_SYMBOLS: Final = 10
"""Markets whose fills are read for one sync; an account that moved in more of them does not tell what moved."""

ReadFills = Callable[[str | None, datetime], Awaitable[Sequence[VenueFill]]]
ReadKept = Callable[[datetime], Awaitable[Sequence[Fill]]]

_INSTANT: Final = timedelta(milliseconds=1)


class FillsLook(NamedTuple):
    """How a venue shows fills: ``read`` gives those since a time, oldest first, the first ``most`` unless that is None.

    It reads one market, or all of them unless the venue shows them ``by_symbol`` only.
    """

    read: ReadFills
    most: int | None
    by_symbol: bool


class KeptFills(NamedTuple):
    """The fills of our own orders that we keep, read from a time on; ``first`` reads them before the venue is asked."""

    read: ReadKept
    first: bool


async def books_at(
    opening: Opening,
    totals: Mapping[str, Decimal],
    at: datetime,
    symbols: Collection[str],
    venue: FillsLook,
    kept: KeptFills,
) -> Books | None:
    """Bring the books of an account forward to ``at``, when it held ``totals``; None when that takes too many calls.

    Only markets between assets that changed are read: none for an account that stood still. Deposits and withdrawals
    are not among fills, so they are left over in the balance equation; a fill in the very moment of the look is left
    over once and taken back by the next look. What was there at the first look counts as transferred. Where there are
    more fills than the venue gives at once, the books end with those it gave and say which assets are ``behind``; the
    next look goes on from there. More than it gives at once of the shortest time that can be asked for are left over.

    What was bought and sold again since the last look leaves one asset as it was: where the venue shows fills by market
    only, that market is not read, and the fills we keep of our own orders tell of it.
    """
    books = opening.books
    if books is None:
        return Books(1, at, {asset: Flow(transferred=total) for asset, total in totals.items()})
    changed = books.behind | {
        asset for asset in {*totals, *opening.totals} if totals.get(asset, ZERO) != opening.totals.get(asset, ZERO)
    }
    if not changed:
        return replace(books, until=at)

    def explains(after: Books) -> bool:
        return not any(line.residue for line in balance_equation(opening.totals, books, after, totals))

    ours: Sequence[Fill] | None = None
    if kept.first and not books.behind:
        ours = await kept.read(books.until)
        after = _forward(books, ours, at)
        if explains(after):
            return after
    traded = [symbol for symbol in symbols if changed.issuperset(symbol.split("/"))]
    if venue.by_symbol and len(traded) > MOST_SYMBOLS:
        return None
    asked: Sequence[str | None] = traded if venue.by_symbol else [None]
    found = [await venue.read(symbol, books.until) for symbol in asked]
    ends = [_known_until(fills, books.until) for fills in found if venue.most and len(fills) >= venue.most]
    until = min((at, *(end for end in ends if end > books.until)))
    told = [fill for fills in found for fill in fills if fill.symbol in symbols]
    if until < at:
        return replace(_forward(books, told, until), behind=frozenset(changed))
    after = _forward(books, told, at)
    if not venue.by_symbol or explains(after):
        return after
    ours = await kept.read(books.until) if ours is None else ours
    return _forward(books, [*told, *(fill for fill in ours if fill.symbol not in traded)], at)


def _forward(books: Books, fills: Iterable[VenueFill | Fill], until: datetime) -> Books:
    new = (fill for fill in fills if books.until < fill.at <= until)
    return replace(books, until=until, flows=_with(books.flows, new), behind=frozenset())


def _known_until(fills: Sequence[VenueFill], since: datetime) -> datetime:
    """Return until when a list that may be cut off is whole: others of its last instant may be missing."""
    last = fills[-1].at
    return last - _INSTANT if max(fills[0].at, since) < last - _INSTANT else last


def _with(flows: Mapping[str, Flow], fills: Iterable[VenueFill | Fill]) -> Mapping[str, Flow]:
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
