"""Resting orders meeting the path of the market: the same path gives the same result, however often anyone looks.

Points are taken by (end, symbol). At each, orders of the symbol are asked by age; then the point's price becomes the
symbol's mark. When all points of an instant are through, equity is looked at; and before a symbol has a further point
in it, as the four of a candle are. Hours and the starts of local days are
taken between the points they fall between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.draft import Draft
from moniqo_core.domain.market.hours import covered
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.matching.walk_steps import PathWalk
from moniqo_core.domain.money import ONE, exact

MARK_EVERY: Final = timedelta(hours=1)
"""How far a look that changed nothing may fall behind before it is written down."""


Paths = Mapping[str, Sequence[PathPoint]]


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
        steps = PathWalk(draft, markets, usd_rate)
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
