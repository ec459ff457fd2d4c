"""The ticker of a US share from Polygon's snapshot: https://polygon.io/docs/rest/stocks/snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.market.ticker import Quote24h, Ticker
from moniqo_core.feeds.polygon_candles import moment_of

SOURCE: Final = "polygon"


def read_ticker(shown: Mapping[str, Any], symbol: str) -> Ticker:
    """Convert a row of a snapshot, or raise one of :data:`moniqo_core.feeds.polygon_candles.UNREADABLE`.

    Before the first trade of a day Polygon says zero for everything of that day.
    """
    quote = shown["lastQuote"]
    day = shown.get("day") or {}
    high, low = _positive(day.get("h")), _positive(day.get("l"))
    traded = high is not None and low is not None
    return Ticker(
        symbol,
        moment_of(quote["t"], per_second=10**9),
        SOURCE,
        Quote24h(
            bid=Decimal(quote["p"]),
            ask=Decimal(quote["P"]),
            last=Decimal(shown["lastTrade"]["p"]),
            change=_number(shown.get("todaysChange")) if traded else None,
            change_percent=_number(shown.get("todaysChangePerc")) if traded else None,
            high=high,
            low=low,
            volume=_number(day.get("v")) if traded else None,
        ),
    )


def _number(value: Any) -> Decimal | None:
    if value is None:
        return None
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError(value)
    return found


def _positive(value: Any) -> Decimal | None:
    found = _number(value)
    return found if found is not None and found > 0 else None
