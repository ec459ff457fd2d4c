"""What moved in an account at a venue since its last sync, from its fills."""

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
"""Markets whose fills are read for one sync; an account that moved in more of them does not tell what moved."""

ReadFills = Callable[[str | None, datetime], Awaitable[Sequence[VenueFill]]]
ReadKept = Callable[[datetime], Awaitable[Sequence[Fill]]]

SLACK: Final = timedelta(minutes=1)
"""How far the venue's clock, which fills are dated by, may be from ours."""

_INSTANT: Final = timedelta(milliseconds=1)


class FillSource(NamedTuple):
    """How a venue shows fills: ``read`` gives those since a time, oldest first, the first ``most`` unless that is None.

    It reads one market, or all of them unless the venue shows them ``by_symbol`` only. Where ``newest``, it gives at
    least the newest ``most`` in place of the first. It raises TimeoutError or WalletConnectionError when it could not
    be done in time.
    """

    read: ReadFills
    most: int | None
    by_symbol: bool
    newest: bool = False


class KeptFills(NamedTuple):
    """The fills of our own orders that we keep, read from a time on; ``first`` reads them before the venue is asked."""

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
    """Bring the books of an account forward to ``at``, when it held ``totals``; None when that takes too many calls.

    Only markets between assets that changed are read: none for an account that stood still. Deposits and withdrawals
    are not among fills, so they are left over in the balance equation; a fill in the very moment of the look may be
    left over once and taken back by the next look. What was there at the first look counts as transferred. Where there
    are more fills than the venue gives at once, the books end with those it gave and say which assets are ``behind``;
    the next look goes on from there, as it does where they could not be read in time. More than it gives at once of the
    shortest time that can be asked for are left over. After None the books begin anew.

    The books end with the last fill they count, in the venue's time, or a minute ago: a fill the venue dates earlier
    than our clock is found by the next look, and none is counted twice. Only the first look ends at ``at`` itself.

    What was bought and sold again since the last look leaves one asset as it was: where the venue shows fills by market
    only, that market is not read, and the fills we keep of our own orders tell of it.
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
    try:
        found = [await venue.read(symbol, asset_flows.until) for symbol in asked]
    except (TimeoutError, WalletConnectionError):
        return replace(asset_flows, behind=frozenset(changed))
    cut_off = [fills for fills in found if venue.most and len(fills) >= venue.most]
    if cut_off and venue.newest:
        return None
    ends = [_known_until(fills, asset_flows.until) for fills in cut_off]
    told = [fill for fills in found for fill in fills if fill.symbol in symbols]
    until = min((end for end in ends if end > asset_flows.until), default=None)
    if until is not None:
        given = [fill for fill in told if asset_flows.until < fill.at <= until]
        return replace(asset_flows, until=until, flows=_with(asset_flows.flows, given), behind=frozenset(changed))
    if (after := explained_by(told)) or not venue.by_symbol:
        return after or _forward(asset_flows, told, at)
    ours = await kept.read(asset_flows.until) if ours is None else ours
    every: Sequence[VenueFill | Fill] = [*told, *(fill for fill in ours if fill.symbol not in traded)]
    return explained_by(every) or _forward(asset_flows, every, at)


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
    """Return the books with these fills, or without those since the look, if that leaves nothing over."""
    if asset_flows.behind:  # what changed since is not all that these explain
        return None
    for known in (fills, [fill for fill in fills if fill.at <= at]):
        after = _forward(asset_flows, known, at)
        if not any(line.residue for line in balance_equation(opening.totals, asset_flows, after, totals)):
            return after
    return None


def _counted_until(at: datetime, since: datetime, new: Iterable[VenueFill | Fill]) -> datetime:
    """Return the venue's time that books end at: never before a fill they count."""
    return max(since, at - SLACK, *(fill.at for fill in new))


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
