"""When a venue is queried again about a live order."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_QUERY_DELAY: Final = timedelta(seconds=5)
LONGEST_QUERY_DELAY: Final = timedelta(minutes=5)
YOUNG_ORDER_DELAY: Final = timedelta(minutes=1)
YOUNG_ORDER_AGE: Final = timedelta(hours=1)
"""An open order younger than this is queried every minute, an older one every five minutes."""


def open_order_delay(age: timedelta) -> timedelta:
    """Return how long after a query an open order is queried again."""
    return YOUNG_ORDER_DELAY if age < YOUNG_ORDER_AGE else LONGEST_QUERY_DELAY


def query_delay(queries_without_news: int) -> timedelta:
    """Return the wait after a number of consecutive queries without news. It doubles up to the longest delay."""
    return min(FIRST_QUERY_DELAY * (1 << min(queries_without_news, 10)), LONGEST_QUERY_DELAY)
