"""What a venue shows to everybody: books at its own time, and candles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import MarketDataError, SymbolNotFoundError
from moniqo_core.domain.market.market import Candle, Market, PriceLevel, Snapshot
from moniqo_core.domain.market.minute_candles import MINUTE
from moniqo_core.venues.ccxt.parsing import read_candle, read_levels, read_time

if TYPE_CHECKING:
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.exchanges.venue import Client

BOOK_LEVELS: Final = 20
SPANS: Final[Mapping[str, timedelta]] = {"1m": MINUTE, "1h": timedelta(hours=1), "1d": timedelta(days=1)}
READ_TIMEOUT_SECONDS: Final = 2.0
"""How long a read from one venue may take, so that there is time for the next one."""

PAGE: Final = 300
"""Minutes asked for at once: what the one that gives least gives."""
MAX_PAGES: Final = 5


class ExchangePriceSource:
    """A :class:`~moniqo_core.feeds.price_source.VenueData` through CCXT.

    ``source`` is the slug of the venue's definition.
    """

    def __init__(self, source: str, connect: Callable[[], Awaitable[VenueConnection]], clock: Clock = utc_now) -> None:
        """Ask through the connection that ``connect`` finds, which may change while this lives."""
        self.source = source
        self._connect = connect
        self._clock = clock

    async def markets(self) -> Mapping[str, Market]:
        """Every spot market that trades, by symbol."""
        connection = await self._connect()
        return {symbol: item.market for symbol, item in (await connection.markets()).items()}

    async def snapshot(self, symbol: str) -> Snapshot:
        """Book and last price now."""
        return await snapshot_of(await self._listing(symbol), symbol, self.source, READ_TIMEOUT_SECONDS)

    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol, some seconds old at most."""
        connection = await self._connect()
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                return await connection.mids()
        except TimeoutError:
            raise MarketDataError(f"{connection.venue.name} did not answer in time.", retry_after=2) from None

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Minutes from ``since`` on; pages without a trade are passed over."""
        connection = await self._listing(symbol)
        kept = connection.venue.minutes_kept
        if kept is not None and self._clock() - since > kept:
            raise MarketDataError(
                f"{connection.venue.name} keeps minute candles for {kept // MINUTE} minutes only.", symbol=symbol
            )
        for page in range(MAX_PAGES):
            start = since + page * PAGE * MINUTE
            found = await _candles(connection, symbol, "1m", start, PAGE)
            if start + PAGE * MINUTE > self._clock() or any(candle.start > since for candle in found):
                return found
        return ()

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last closed candles, oldest first."""
        return await candles_of(await self._listing(symbol), symbol, interval, limit, self._clock())

    async def _listing(self, symbol: str) -> VenueConnection:
        """Return the connection, which knows its markets by then; raises SymbolNotFoundError."""
        connection = await self._connect()
        if symbol not in await connection.markets():
            raise SymbolNotFoundError(f"{connection.venue.name} does not trade {symbol[:40]!r}.", symbol=symbol[:40])
        return connection


async def snapshot_of(connection: VenueConnection, symbol: str, source: str, seconds: float) -> Snapshot:
    """Read the order book and the last price of a listed symbol.

    The time is the book's own where the venue stamps it; else the older of the ticker's and the moment the venue wrote
    its answer, which HTTP's Date says to the second. Raises MarketDataError where it says none.
    """

    async def book(client: Client) -> tuple[list[PriceLevel], list[PriceLevel], datetime | None, datetime | None]:
        found = await client.fetch_order_book(symbol, BOOK_LEVELS)
        bids, asks = read_levels(found["bids"], falling=True), read_levels(found["asks"], falling=False)
        return bids[:BOOK_LEVELS], asks[:BOOK_LEVELS], _stamp(found), _written_at(client.answered_at)

    async def ticker(client: Client) -> tuple[Decimal | None, datetime | None]:
        found = await client.fetch_ticker(symbol)
        return None if found.get("last") is None else Decimal(found["last"]), _stamp(found)

    (bids, asks, stamped, written), (last, traded) = await asyncio.gather(
        connection.read(connection.client({}), book, seconds), connection.read(connection.client({}), ticker, seconds)
    )
    name = connection.venue.name
    if not bids or not asks or last is None:
        raise MarketDataError(f"{name} shows no quotes for {symbol} at the moment.", symbol=symbol, retry_after=2)
    at = stamped or written
    if at is None:
        raise MarketDataError(f"{name} does not date its prices.", symbol=symbol, retry_after=2)
    if stamped is None and traded is not None:
        at = min(at, traded)
    return Snapshot(symbol, at, last, bids, asks, source)


def _stamp(found: Mapping[str, Any]) -> datetime | None:
    return read_time(found["timestamp"]) if found.get("timestamp") else None


def _written_at(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date or "").replace(tzinfo=UTC)
    except ValueError:
        return None


async def candles_of(
    connection: VenueConnection, symbol: str, interval: str, limit: int, now: datetime
) -> Sequence[Candle]:
    """Return the last closed candles of a listed symbol, oldest first."""
    candles = await _candles(connection, symbol, interval, None, limit + 1)
    return [candle for candle in candles if candle.start + SPANS[interval] <= now][-limit:]


async def _candles(
    connection: VenueConnection, symbol: str, interval: str, since: datetime | None, limit: int
) -> list[Candle]:
    stamp = None if since is None else int(since.timestamp() * 1000)

    async def ask(client: Client) -> list[Candle]:
        return sorted(read_candle(row) for row in await client.fetch_ohlcv(symbol, interval, stamp, limit))

    return await connection.read(connection.client({}), ask, READ_TIMEOUT_SECONDS)
