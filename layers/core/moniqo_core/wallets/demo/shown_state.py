"""The state of a demo account that a read shows: its version."""

from __future__ import annotations

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.market.price_feed import PriceFeed, SteppedFeed


def version_of(account: Account, feed: PriceFeed | None) -> str | None:
    """Return a text that is another one after every change that a read of the account can show.

    It is None where only an evaluation tells: an open order may have filled, or prices may change at any time. Without
    open orders, an evaluation finds the same throughout a step. ``feed`` is None for a read that shows no price.
    """
    if account.orders:
        return None
    # The time of the commit tells two entries of one number apart, should the database ever be set back.
    version = f"{account.seq} {account.at.isoformat()}"
    if feed is None:
        return version
    return f"{version} {feed.step_began_at().isoformat()}" if isinstance(feed, SteppedFeed) else None
