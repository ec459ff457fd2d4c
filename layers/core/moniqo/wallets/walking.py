"""Walking an account along the path of the market: the same in a replay of its journal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from moniqo.domain import resting
from moniqo.domain.account import Account
from moniqo.domain.draft import Draft
from moniqo.domain.market import PriceFeed

LOOK_AHEAD: Final = timedelta(days=1)
"""How much path one commit walks at most."""


def furthest(account: Account, now: datetime) -> datetime:
    """Return how far one look at ``now`` walks."""
    since = account.evaluated_until
    return min([now, *(since[symbol] + LOOK_AHEAD for symbol in resting.tracked(account))])


async def walk_to(feed: PriceFeed, account: Account, reach: datetime, now: datetime) -> Draft:
    """Walk the path of every tracked symbol up to ``reach``; raises what the feed raises."""
    symbols, since = resting.tracked(account), account.evaluated_until
    markets = {symbol: await feed.market(symbol) for symbol in symbols}
    paths = {symbol: await feed.path(symbol, since[symbol], reach) for symbol in symbols}
    return resting.walk(account, paths, markets, reach, now)
