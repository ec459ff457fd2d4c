"""Resting orders meeting the path of the market: the same path gives the same result, however often anyone looks.

Points are taken by (end, symbol). At each, orders of the symbol are asked by age; then the point's price becomes the
symbol's mark. When all points of an instant are through, equity is looked at; and before a symbol has a further point
in it, as the four of a candle are. Hours and the starts of local days are
taken between the points they fall between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.draft import Draft
from moniqo_core.domain.market.hours import covered
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.matching.equity import hours, roll_day, sample, still_hours, tells_still, watch
from moniqo_core.domain.matching.exits import close
from moniqo_core.domain.matching.matcher import meet
from moniqo_core.domain.matching.triggers import OrdersByTrigger, orders_by_trigger
from moniqo_core.domain.money import ONE, exact
from moniqo_core.domain.orders.order import OrderStatus

MARK_EVERY: Final = timedelta(hours=1)
"""How far a look that changed nothing may fall behind before it is written down."""

_NEVER: Final = datetime.max.replace(tzinfo=UTC)

Paths = Mapping[str, Sequence[PathPoint]]


def tracked(account: Account) -> list[str]:
    """Symbols whose path matters: those held and those with open orders, by name."""
    return sorted(
        account.open_order_totals.keys() | {symbol for symbol, held in account.positions.items() if held.amount}
    )


def walk(
    account: Account,
    paths: Paths,
    markets: Mapping[str, Market],
    reach: datetime,
    now: datetime,
    usd_rate: Decimal = ONE,
    confirmed: Mapping[str, datetime] = MappingProxyType({}),
) -> Draft:
    """Walk the paths of all tracked symbols, complete up to ``reach``, and return what the account then is.

    ``confirmed`` says of symbols up to when it is sure that nothing but their points happened.
    The draft is the beginning of whatever is decided next, so a command and the way to it are one commit.
    """
    with exact():
        draft = Draft(account, now)
        draft.walked_to = reach
        steps = _Walk(draft, markets, usd_rate)
        for end, group in groupby(_merged(paths), key=itemgetter(0)):
            steps.pass_instants(end)
            seen, last = False, ""
            for _, symbol, point in group:
                seen |= steps.take(symbol, point, further=symbol == last)
                last = symbol
            if seen:
                steps.settle(end)
        steps.pass_instants(reach + timedelta(microseconds=1))
        for symbol, points in paths.items():
            until = points[-1].end if points else account.evaluated_until[symbol]
            until = max(until, confirmed.get(symbol, until))
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


class _Walk:
    """One pass over the points, with what would be slow to ask at each of them."""

    def __init__(self, draft: Draft, markets: Mapping[str, Market], usd_rate: Decimal) -> None:
        self._draft = draft
        self._markets = markets
        self._usd_rate = usd_rate
        self._waiting: dict[str, OrdersByTrigger | None] = {}
        # A command may have made a loss since the last point.
        self._unsettled = True
        self._buying = any(open_order_totals.buying for open_order_totals in draft.account.open_order_totals.values())
        account = draft.account
        since = [account.evaluated_until[symbol] for symbol in tracked(account)]
        # While nothing is at stake only the hours that say so are taken, again if need be: an earlier walk may not have
        # reached them.
        self._hours = hours(min(since), draft.at) if since else still_hours(account.still_since, draft.at)
        self._hour = next(self._hours, _NEVER)
        self._expiry = self._next_expiry()
        self._instant = self._next_instant()

    def pass_instants(self, end: datetime) -> None:
        """Take what lies before ``end``: expiries, the start of the local day, full hours with something at stake."""
        draft = self._draft
        while self._instant < end:
            at = self._instant
            if at == self._expiry:
                self._expire(at)
            if draft.day is not None and at >= draft.day.until:
                roll_day(draft, at)
            if at == self._hour:
                if draft.at_stake() or tells_still(draft.still_since, at):
                    draft.samples.append(sample(draft, at))
                self._hour = next(self._hours, _NEVER)
            self._instant = self._next_instant()

    def _next_instant(self) -> datetime:
        day = self._draft.day
        return min(self._expiry, self._hour, day.until if day is not None else _NEVER)

    def _next_expiry(self) -> datetime:
        draft = self._draft
        if not any(open_order_totals.expiring for open_order_totals in draft.account.open_order_totals.values()):
            return _NEVER
        orders = (draft.peek(order_id) for order_id in draft.open_ids())
        return min((order.expires_at for order in orders if order.expires_at and order.is_open), default=_NEVER)

    def _expire(self, at: datetime) -> None:
        """End what no later point can fill."""
        draft = self._draft
        for order_id in draft.open_ids():
            placed = draft.peek(order_id)
            if placed.is_open and placed.expires_at is not None and placed.expires_at <= at:
                order = draft.edit(order_id)
                if order is not None:
                    close(draft, order, OrderStatus.EXPIRED, placed.expires_at)
        self._expiry = self._next_expiry()
        self._waiting.clear()
        self._note_stillness(at)

    def take(self, symbol: str, point: PathPoint, *, further: bool) -> bool:
        """Let the orders of a symbol meet a point, unless none of them can care, or no sane price is in it.

        ``further`` says that the symbol had a point in this instant already. Returns False when nothing of the symbol
        is held or open any more, as if its path had ended.
        """
        draft = self._draft
        if self._orders(symbol) is None:
            return False
        if further:
            self.settle(point.end)
        if not 0 <= point.half_spread < point.price:
            return True
        orders = self._orders(symbol)
        touched = orders.touched_by(point) if orders is not None else ()
        if touched:
            self._unsettled = True
            if meet(draft, point, self._markets[symbol], touched):
                del self._waiting[symbol]
                self._note_stillness(point.end)
        draft.marks[symbol] = point.price
        return True

    def _orders(self, symbol: str) -> OrdersByTrigger | None:
        if symbol not in self._waiting:
            self._waiting[symbol] = orders_by_trigger(self._draft, symbol)
        return self._waiting[symbol]

    def settle(self, end: datetime) -> None:
        """Look at equity once every symbol has its price of this instant; without a holding it stands still."""
        if not self._unsettled:
            return
        draft = self._draft
        if watch(draft, end, self._usd_rate, buying=self._buying):
            self._buying = False
            self._waiting.clear()
            self._note_stillness(end)
        self._unsettled = bool(draft.held())

    def _note_stillness(self, at: datetime) -> None:
        """Remember when the last of what was at stake ended."""
        draft = self._draft
        if draft.still_since is None and not draft.at_stake():
            draft.still_since = at
