"""Matching resting orders against the path of the market.

The same path gives the same result, whether it is walked at once or in parts. Points are processed in the order of end
time and symbol. At each point, the orders of the symbol are matched, oldest first. Then the price of the point becomes
the mark of the symbol. Loss limits are checked after all points of an instant. They are also checked before a symbol
gets a further point in the same instant, as with the four points of a candle. Full hours and the starts of local days
are handled between the points that surround them.
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
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.rules import RULES, Rules
from moniqo_core.domain.market.market import Market, PathPoint
from moniqo_core.domain.market.trading_hours import extend_over_closed_hours
from moniqo_core.domain.matching.path_events import PathWalk
from moniqo_core.domain.money import ONE, exact

RECORD_EVERY: Final = timedelta(hours=1)
"""How much of the path may be walked without changes before the walk is recorded."""


Paths = Mapping[str, Sequence[PathPoint]]


def walk(
    account: Account,
    paths: Paths,
    markets: Mapping[str, Market],
    reach: datetime,
    now: datetime,
    usd_rate: Decimal = ONE,
    confirmed: Mapping[str, datetime] = MappingProxyType({}),
    rules: Rules = RULES,
) -> AccountDraft:
    """Walk the paths of all tracked symbols, complete up to ``reach``, and return the resulting draft.

    ``confirmed`` tells for some symbols up to when their points are certain to be complete. The next command is decided
    on this draft by the same ``rules``, so that the walk and the command are one commit.
    """
    with exact():
        draft = AccountDraft(account, now, rules, usd_rate)
        draft.walked_to = reach
        steps = PathWalk(draft, markets)
        for end, group in groupby(_merged(paths), key=itemgetter(0)):
            steps.handle_events_before(end)
            is_tracked, last = False, ""
            for _, symbol, point in group:
                is_tracked |= steps.meet_point(symbol, point, further=symbol == last)
                last = symbol
            if is_tracked:
                steps.check_loss_limits(end)
        steps.handle_events_before(reach + timedelta(microseconds=1))
        for symbol, points in paths.items():
            until = points[-1].end if points else account.evaluated_until[symbol]
            until = max(until, confirmed.get(symbol, until))
            if markets[symbol].hours is not None:
                until = extend_over_closed_hours(until, reach)
            if until > account.evaluated_until[symbol]:
                draft.evaluated_until[symbol] = until
        return draft


def has_visible_changes(draft: AccountDraft) -> bool:
    """Tell whether the walk changed anything that an owner can see: a fill, a status or a trigger."""
    account = draft.account
    if draft.fills or draft.status != account.status:
        return True
    for order_id, after in draft.orders.items():
        before = account.orders.get(order_id)
        if before is None or before.status is not after.status or before.triggered is not after.triggered:
            return True
    return False


def is_worth_recording(draft: AccountDraft) -> bool:
    """Tell whether a walk without changes should be recorded, so that the next walk is short."""
    before = draft.account.evaluated_until
    return any(until - before.get(symbol, until) >= RECORD_EVERY for symbol, until in draft.evaluated_until.items())


def _merged(paths: Paths) -> list[tuple[datetime, str, PathPoint]]:
    found = [(point.end, symbol, point) for symbol, points in paths.items() for point in points]
    if len(paths) > 1:
        found.sort(key=itemgetter(0, 1))
    return found
