"""The answer about opening hours."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.http.schemas.common import Timestamp, View


class MarketClockView(View):
    """Whether the markets of a wallet are open. Markets for crypto never close."""

    user_wallet_id: str
    is_open: Annotated[bool, Field(description="Whether the regular session is open now.")]
    next_open: Annotated[
        Timestamp | None,
        Field(description="Time at which the next session opens, in UTC. Null for markets that never close."),
    ]
    next_close: Annotated[
        Timestamp | None,
        Field(description="End of the session that is open, else of the next one. Null for markets that never close."),
    ]
    calendar: Annotated[
        str | None,
        Field(description="Code of the exchange whose hours apply. Null for markets that never close."),
    ]
    as_of: Timestamp


def market_clock_view(clock: MarketClock, user_wallet_id: str) -> MarketClockView:
    """Return the view of opening hours."""
    hours = clock.hours
    return MarketClockView(
        user_wallet_id=user_wallet_id,
        is_open=hours.is_open,
        next_open=hours.next_open,
        next_close=hours.session_close,
        calendar=clock.calendar,
        as_of=clock.at,
    )
