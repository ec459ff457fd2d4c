"""Checks that a snapshot is fresh and valid enough to trade on."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.market.market import Snapshot

CLOCK_TOLERANCE: Final = timedelta(seconds=1)


def check_fresh(snapshot: Snapshot, now: datetime, max_age: timedelta) -> None:
    """Refuse a snapshot that is old, dated in the future, one-sided or crossed.

    Bid equal to ask is allowed. A venue's clock may be ahead of ours by one second.

    Raises:
        MarketDataError: The snapshot must not be traded on.

    """
    check_not_crossed(snapshot)
    symbol = snapshot.symbol
    age = now - snapshot.at
    if age < -CLOCK_TOLERANCE:
        raise MarketDataError(
            f"The price of {symbol} is dated {-age.total_seconds():.3f} s in the future."
            " The clock of the venue or of this deployment is wrong.",
            symbol=symbol,
            retry_after=2,
        )
    if age > max_age:
        raise MarketDataError(
            f"The price of {symbol} is {age.total_seconds():.3f} s old."
            f" Trading needs a price at most {max_age.total_seconds():.0f} s old.",
            symbol=symbol,
            retry_after=2,
        )


def check_not_crossed(snapshot: Snapshot) -> None:
    """Refuse a book that is one-sided, crossed or not positive. Raises MarketDataError."""
    symbol = snapshot.symbol
    if not snapshot.bids or not snapshot.asks:
        raise MarketDataError(f"The order book of {symbol} is empty on one side.", symbol=symbol, retry_after=2)
    if snapshot.bid <= 0 or snapshot.ask < snapshot.bid:
        raise MarketDataError(
            f"The order book of {symbol} has crossed or non-positive prices.", symbol=symbol, retry_after=2
        )


def check_sane(snapshot: Snapshot) -> None:
    """Refuse a book that is not sorted or has a value that is not a positive number. Raises MarketDataError."""
    if not snapshot.last.is_finite() or snapshot.last <= 0:
        raise MarketDataError(f"{snapshot.source} shows no last price of {snapshot.symbol}.", symbol=snapshot.symbol)
    for levels, direction in ((snapshot.bids, -1), (snapshot.asks, 1)):
        finite = all(price.is_finite() and size.is_finite() and price > 0 and size > 0 for price, size in levels)
        if not finite or any(direction * (after.price - before.price) <= 0 for before, after in pairwise(levels)):
            raise MarketDataError(
                f"The order book of {snapshot.symbol} at {snapshot.source} is not valid.",
                symbol=snapshot.symbol,
                retry_after=2,
            )
