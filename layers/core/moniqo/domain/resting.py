"""Resting orders meeting the path of the market: the same path gives the same result, however often anyone looks.

Points are taken by (end, symbol). At each, orders of the symbol are asked by age; then the point's price becomes the
symbol's mark. When all points of an instant are through, equity is looked at. Hours and the starts of local days are
taken between the points they fall between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final

from moniqo.domain.equity import hours, roll_day, sample, still_hours, watch
from moniqo.domain.exits import close
from moniqo.domain.ledger import Account, Draft
from moniqo.domain.market import Market, PathPoint
from moniqo.domain.market_hours import covered
from moniqo.domain.money import ONE, exact
from moniqo.domain.order import OrderStatus
from moniqo.domain.touching import Band, band_of, meet

MARK_EVERY: Final = timedelta(hours=1)
"""How far a look that changed nothing may fall behind before it is written down."""

Paths = Mapping[str, Sequence[PathPoint]]


def tracked(account: Account) -> list[str]:
    """Symbols whose path matters: those held and those with open orders, by name."""
    return sorted(account.interest.keys() | {symbol for symbol, held in account.positions.items() if held.amount})


def walk(
    account: Account,
    paths: Paths,
    markets: Mapping[str, Market],
    reach: datetime,
    now: datetime,
    usd_rate: Decimal = ONE,
) -> Draft:
    """Walk the paths of all tracked symbols, complete up to ``reach``, and return what the account then is.

    The draft is the beginning of whatever is decided next, so a command and the way to it are one commit.
    """
    with exact():
        draft = Draft(account, now)
        draft.walked_to = reach
        steps = _Walk(draft, markets, usd_rate)
        for end, group in groupby(_merged(paths), key=itemgetter(0)):
            steps.pass_instants(end)
            for _, symbol, point in group:
                steps.take(symbol, point)
            steps.settle(end)
        steps.pass_instants(reach + timedelta(microseconds=1))
        _expire(draft, reach)
        for symbol, points in paths.items():
            until = points[-1].end if points else account.evaluated_until[symbol]
            if markets[symbol].hours is not None:
                until = covered(until, reach)
            if until > account.evaluated_until[symbol]:
                draft.evaluated_until[symbol] = until
        return draft


def happened(draft: Draft) -> bool:
    """Tell whether the walk changed anything an owner would see: a fill, a status, a trigger."""
    account = draft.account
    if draft.fills or draft.status != account.status:
        return True
    for order_id, after in draft.orders.items():
        before = account.orders.get(order_id)
        if before is None or before.status is not after.status or before.triggered is not after.triggered:
            return True
    return False


def overdue(draft: Draft) -> bool:
    """Tell whether a walk that changed nothing should be written down all the same, so that the next one is short."""
    before = draft.account.evaluated_until
    return any(until - before.get(symbol, until) >= MARK_EVERY for symbol, until in draft.evaluated_until.items())


def _merged(paths: Paths) -> list[tuple[datetime, str, PathPoint]]:
    found = [(point.end, symbol, point) for symbol, points in paths.items() for point in points]
    if len(paths) > 1:
        found.sort(key=itemgetter(0, 1))
    return found


def _expire(draft: Draft, reach: datetime) -> None:
    """End what no later point can fill."""
    for order_id in draft.open_ids():
        placed = draft.look(order_id)
        if placed.is_open and placed.expires_at is not None and placed.expires_at <= reach:
            order = draft.edit(order_id)
            if order is not None:
                close(draft, order, OrderStatus.EXPIRED, placed.expires_at)


class _Walk:
    """One pass over the points, with what would be slow to ask at each of them."""

    def __init__(self, draft: Draft, markets: Mapping[str, Market], usd_rate: Decimal) -> None:
        self._draft = draft
        self._markets = markets
        self._usd_rate = usd_rate
        self._bands: dict[str, Band] = {}
        self._unsettled = bool(draft.held())
        account = draft.account
        since = [account.evaluated_until[symbol] for symbol in tracked(account)]
        self._hours = hours(min(since), draft.at) if since else still_hours(account.at, draft.at)
        self._hour = next(self._hours, None)

    def pass_instants(self, end: datetime) -> None:
        """Take the hours and the start of the local day that lie before ``end``."""
        draft = self._draft
        while True:
            hour = self._hour if self._hour is not None and self._hour < end else None
            midnight = draft.day.until if draft.day is not None and draft.day.until < end else None
            if hour is None and midnight is None:
                return
            if midnight is not None and (hour is None or midnight <= hour):
                roll_day(draft, midnight)
                continue
            if hour is not None:
                draft.samples.append(sample(draft, hour))
                self._hour = next(self._hours, None)

    def take(self, symbol: str, point: PathPoint) -> None:
        """Let the orders of a symbol meet a point, unless none of them can care."""
        draft = self._draft
        band = self._bands.get(symbol)
        if band is None:
            band = self._bands[symbol] = band_of(draft, symbol)
        if band.reaches(point):
            meet(draft, symbol, point, self._markets[symbol])
            self._bands.clear()
            self._unsettled = True
        draft.marks[symbol] = point.price

    def settle(self, end: datetime) -> None:
        """Look at equity once every symbol has its price of this instant; without a holding it stands still."""
        if not self._unsettled:
            return
        draft = self._draft
        status = draft.status
        watch(draft, end, self._usd_rate)
        self._unsettled = bool(draft.held())
        if draft.status != status:
            self._bands.clear()
