"""Walk an account along the price path of the market. A replay of its journal walks in the same way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.rules import RULES, Rules
from moniqo_core.domain.market.minute_candles import floor_minute
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.matching import path_walk

WALK_LIMIT: Final = timedelta(days=1)
"""The longest path that one commit walks."""


def furthest(account: Account, now: datetime) -> datetime:
    """Return how far one evaluation at ``now`` walks."""
    since = account.evaluated_until
    return min([now, *(since[symbol] + WALK_LIMIT for symbol in account.tracked_symbols)])


async def walk_to(
    feed: PriceFeed, account: Account, reach: datetime, now: datetime, rules: Rules = RULES
) -> AccountDraft:
    """Walk the path of every tracked symbol by ``rules`` up to ``reach``, or as far as all paths are known.

    The draft's ``walked_to`` is the time that the walk reached.
    """
    symbols, since = account.tracked_symbols, account.evaluated_until
    for symbol in symbols:
        reach = min(reach, await feed.known_until(symbol, since[symbol], reach))
    paths = {symbol: await feed.path(symbol, since[symbol], reach) for symbol in symbols}
    if not account.terms.uses_venue_prices:
        markets = {symbol: await feed.market(symbol) for symbol in symbols}
        return path_walk.walk(account, paths, markets, reach, now, rules=rules)
    # The past is walked with the steps and spread that were observed then. A venue may have changed them since.
    markets = {symbol: account.observed_markets[symbol].market for symbol in symbols}
    quoted = {
        symbol: [point._replace(half_spread=account.observed_markets[symbol].half_spread) for point in points]
        for symbol, points in paths.items()
    }
    confirmed = dict.fromkeys(symbols, floor_minute(reach))
    return path_walk.walk(account, quoted, markets, reach, now, confirmed=confirmed, rules=rules)
