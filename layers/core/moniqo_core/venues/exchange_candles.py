"""Candles of a venue: what one query returns, and as many queries as the wanted candles need."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from moniqo_core.domain.market.candle_search import CandleSearch
from moniqo_core.domain.market.candles import (
    INTERVALS,
    CandleQuery,
    CandleSeries,
    floor_time,
    is_candle_of,
    series_of,
)
from moniqo_core.domain.market.market import Candle
from moniqo_core.venues.ccxt.parsing import read_candle
from moniqo_core.venues.exchanges.rows import read_rows

if TYPE_CHECKING:
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.exchanges.venue import Client

_MILLISECOND: Final = 1


class _Answer(NamedTuple):
    candles: list[Candle]
    odd: bool


async def candles_of(
    connection: VenueConnection, symbol: str, query: CandleQuery, now: datetime, seconds: float
) -> CandleSeries:
    """Return the candles of a listed symbol that a query wants at ``now``.

    Args:
        connection: The connection to the venue.
        symbol: The symbol.
        query: What is wanted.
        now: The time of the query.
        seconds: Time limit of each call to the venue.

    Raises:
        WalletError: the venue did not answer.

    """
    span = query.span(now)
    if span.start >= span.end:
        return series_of((), query, now, span)
    venue = connection.venue
    if venue.candles_per_query is None:
        return await _from_one_query(connection, symbol, query, now, seconds)
    parts = venue.candles_made_of.get(query.interval, query.interval)
    search = CandleSearch(query, now, parts, venue.candles_per_query)
    while (asked := search.following()) is not None:
        wanted = (asked.span.end - asked.span.start) // INTERVALS[asked.interval]
        answer = await _ask(connection, symbol, asked.interval, asked.span.start, asked.span.end, wanted, seconds)
        search.take(asked, answer.candles, odd=answer.odd)
    return search.series()


async def _from_one_query(
    connection: VenueConnection, symbol: str, query: CandleQuery, now: datetime, seconds: float
) -> CandleSeries:
    span, kept = query.span(now), connection.venue.candles_kept
    since = span.start if query.is_forward else None
    answer = await _ask(connection, symbol, query.interval, since, span.end, query.limit, seconds)
    found = sorted(candle for candle in answer.candles if is_candle_of(candle, query.length, now))
    first = found[0].start if found else span.end
    if kept is not None:
        first = max(span.start, min(first, floor_time(now, query.length) - (kept - 1) * query.length))
    elif query.is_forward:
        first = span.start
    return series_of(found, query, now, span._replace(start=first))


async def minutes_of(
    connection: VenueConnection, symbol: str, since: datetime, limit: int, seconds: float
) -> list[Candle]:
    """Return up to ``limit`` one-minute candles of a listed symbol from ``since`` on, oldest first."""
    answer = await _ask(connection, symbol, "1m", since, None, limit, seconds)
    return sorted(answer.candles)


async def _ask(
    connection: VenueConnection,
    symbol: str,
    interval: str,
    since: datetime | None,
    end: datetime | None,
    limit: int,
    seconds: float,
) -> _Answer:
    """Send one query for candles that start from ``since`` (inclusive) to ``end`` (exclusive)."""
    first = None if since is None else _milliseconds(since)
    last = None if end is None else _milliseconds(end) - _MILLISECOND

    async def ask(client: Client) -> _Answer:
        shown = await connection.venue.candles(client, symbol, interval, first, last, limit)
        found = read_rows(connection.venue.exchange, "candles", shown.rows, read_candle, lambda row: row[0])
        return _Answer(found, shown.odd or len(found) < len(shown.rows))

    return await connection.read(connection.client({}), ask, seconds)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
