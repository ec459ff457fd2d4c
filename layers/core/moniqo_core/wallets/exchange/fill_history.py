"""Explain by fills how balances of an account at a venue changed since its last sync."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, Flow, balance_equation
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.venues.ccxt.parsing import VenueFill

MOST_SYMBOLS: Final = 10
"""Markets whose fills one sync may read. If assets of more markets changed, the sync does not explain them."""


class ReceivedFills(NamedTuple):
    """Fills that a venue listed and that could be read, oldest first.

    ``received`` also counts fills that could not be read. ``times`` has all known times of fills, oldest first.
    """

    fills: Sequence[VenueFill]
    received: int
    times: Sequence[datetime]


ReadFills = Callable[[str | None, datetime], Awaitable[ReceivedFills]]
ReadKept = Callable[[datetime], Awaitable[Sequence[Fill]]]

SLACK: Final = timedelta(minutes=1)
"""The largest difference expected between our clock and the venue's, which dates the fills."""

_INSTANT: Final = timedelta(milliseconds=1)
_ASKED_EARLIER: Final = timedelta(seconds=1)
"""How much earlier than requested a list may begin, because requests use whole milliseconds or seconds."""


class FillSource(NamedTuple):
    """The way in which a venue lists fills.

    ``read`` returns fills since a time, of one market or of all markets (None). A venue that lists them ``by_symbol``
    cannot read all markets at once. A list has the first ``most`` fills, or every fill if that is None. With ``newest``
    it has at least the newest ``most`` instead. Fills that could not be read count as well. ``read`` raises
    TimeoutError or WalletConnectionError when the venue does not answer in time.
    """

    read: ReadFills
    most: int | None
    by_symbol: bool
    newest: bool = False

    def is_full(self, page: ReceivedFills) -> bool:
        """Tell whether the venue may have more fills than a list has."""
        return self.most is not None and page.received >= self.most


class KeptFills(NamedTuple):
    """Stored fills of our own orders since a time. With ``first``, they are read before the venue is queried."""

    read: ReadKept
    first: bool


async def asset_flows_at(
    opening: PreviousSync,
    totals: Mapping[str, Decimal],
    at: datetime,
    symbols: Collection[str],
    venue: FillSource,
    kept: KeptFills,
) -> AssetFlows | None:
    """Return the asset flows of an account up to ``at``, when it held ``totals``.

    Only markets between assets that changed are read, and none if nothing changed. Deposits and withdrawals are not
    fills, so the balance equation shows them as a residue. A fill at the very moment of a sync may be a residue once,
    and the next sync reverses it. Balances of the first sync count as transferred.

    When there are more fills than the venue returns at once, the flows end with the fills it returned, and ``behind``
    names the assets that are incomplete. The next sync continues from there, and also after a time-out. If one instant
    has more fills than the venue returns at once, the surplus remains as a residue. So do fills that cannot be read:
    the next sync continues after them. If a full list has no time at all, nobody knows where it ends.

    The flows end at the last fill they count, in the venue's time, or a minute before ``at`` if that is later. So the
    next sync finds a fill that the venue dates earlier than our clock, and no fill is counted twice. Only the first
    sync ends at ``at`` itself.

    An asset that was bought and sold again since the last sync may have its old balance. A venue that lists fills by
    symbol is then not queried for that market, and the stored fills of our own orders explain the change.

    Returns None when reading takes too many calls, or cannot continue. The next sync then starts new flows.
    """
    asset_flows = opening.asset_flows
    if asset_flows is None:
        return AssetFlows(1, at, {asset: Flow(transferred=total) for asset, total in totals.items()})
    changed = asset_flows.behind | {
        asset for asset in {*totals, *opening.totals} if totals.get(asset, ZERO) != opening.totals.get(asset, ZERO)
    }
    if not changed:
        return replace(asset_flows, until=_counted_until(at, asset_flows.until, ()))

    explained_by = partial(_explained, opening, asset_flows, totals, at)
    ours: Sequence[Fill] | None = None
    if kept.first and not asset_flows.behind:
        ours = await kept.read(asset_flows.until)
        if after := explained_by(ours):
            return after
    traded = [symbol for symbol in symbols if changed.issuperset(symbol.split("/"))]
    if venue.by_symbol and len(traded) > MOST_SYMBOLS:
        return None
    asked: Sequence[str | None] = traded if venue.by_symbol else [None]
    found = await _received(venue, asked, asset_flows.until)
    if found is None:
        return replace(asset_flows, behind=frozenset(changed))
    cut_off = [page for page in found if venue.is_full(page)]
    known = [_known_until(page.times, asset_flows.until, at + SLACK) for page in cut_off]
    if cut_off and (venue.newest or None in known):
        return None
    ends = [end for end in known if end is not None and end > asset_flows.until]
    reported = [fill for page in found for fill in page.fills if fill.symbol in symbols]
    until = min(ends, default=None)
    if until is not None:
        complete = [fill for fill in reported if asset_flows.until < fill.at <= until]
        return replace(asset_flows, until=until, flows=_with(asset_flows.flows, complete), behind=frozenset(changed))
    if (after := explained_by(reported)) or not venue.by_symbol:
        return after or _forward(asset_flows, reported, at)
    ours = await kept.read(asset_flows.until) if ours is None else ours
    every: Sequence[VenueFill | Fill] = [*reported, *(fill for fill in ours if fill.symbol not in traded)]
    return explained_by(every) or _forward(asset_flows, every, at)


async def _received(
    venue: FillSource, symbols: Iterable[str | None], since: datetime
) -> Sequence[ReceivedFills] | None:
    """Return the list of each symbol, or None if one was not received."""
    try:
        return [await venue.read(symbol, since) for symbol in symbols]
    except (TimeoutError, WalletConnectionError):
        return None


def _forward(asset_flows: AssetFlows, fills: Iterable[VenueFill | Fill], at: datetime) -> AssetFlows:
    new = [fill for fill in fills if asset_flows.until < fill.at]
    until = _counted_until(at, asset_flows.until, new)
    return replace(asset_flows, until=until, flows=_with(asset_flows.flows, new), behind=frozenset())


def _explained(
    opening: PreviousSync,
    asset_flows: AssetFlows,
    totals: Mapping[str, Decimal],
    at: datetime,
    fills: Sequence[VenueFill | Fill],
) -> AssetFlows | None:
    """Return the flows with these fills, or only with those until ``at``, or None if a residue remains."""
    if asset_flows.behind:  # the fills also belong to changes before the last sync
        return None
    for known in (fills, [fill for fill in fills if fill.at <= at]):
        after = _forward(asset_flows, known, at)
        if not any(line.residue for line in balance_equation(opening.totals, asset_flows, after, totals)):
            return after
    return None


def _counted_until(at: datetime, since: datetime, new: Iterable[VenueFill | Fill]) -> datetime:
    """Return the venue's time at which the flows end, never earlier than a fill that they count."""
    return max(since, at - SLACK, *(fill.at for fill in new))


def _known_until(times: Sequence[datetime], since: datetime, latest: datetime) -> datetime | None:
    """Return the time until which a truncated list is complete: fills of its last instant may be missing.

    Returns None if the list has no time between ``since`` and ``latest``. A time outside of these is wrong.
    """
    known = [at for at in times if since - _ASKED_EARLIER <= at <= latest]
    if not known:
        return None
    first, last = known[0], known[-1]
    return last - _INSTANT if max(first, since) < last - _INSTANT else last


def _with(flows: Mapping[str, Flow], fills: Iterable[VenueFill | Fill]) -> Mapping[str, Flow]:
    traded: dict[str, Decimal] = defaultdict(Decimal)
    fees: dict[str, Decimal] = defaultdict(Decimal)
    with exact():
        for fill in fills:
            fees[fill.fee_currency] += fill.fee
            if isinstance(fill, VenueFill) and fill.on_margin:
                continue
            base, quote = fill.symbol.split("/")
            sign = 1 if fill.side is OrderSide.BUY else -1
            traded[base] += sign * fill.amount
            traded[quote] -= sign * fill.quote
        after = dict(flows)
        for asset in {*traded, *fees}:
            known = flows.get(asset, Flow())
            after[asset] = known._replace(traded=known.traded + traded[asset], fees=known.fees + fees[asset])
    return after
