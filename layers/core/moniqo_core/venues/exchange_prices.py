"""The public market data of a venue: order books with the venue's own time, and candles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle, Market, PriceLevel, Snapshot
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.market.minute_candles import MINUTE
from moniqo_core.domain.market.ticker import Ticker
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.venues.ccxt.parsing import read_levels, read_time
from moniqo_core.venues.exchange_candles import candles_of, minutes_of

if TYPE_CHECKING:
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.exchanges.venue import Client

BOOK_LEVELS: Final = 20
SECONDS_PER_TICKER: Final = 0.1
READ_TIMEOUT_SECONDS: Final = 2.0
"""Time limit of a read from one venue. It leaves time to try the next venue."""

PAGE: Final = 300
"""Minutes requested at once: the smallest page of all venues."""
MAX_PAGES: Final = 5


class ExchangePriceSource:
    """A :class:`~moniqo_core.feeds.price_source.PriceSource` that reads through CCXT.

    ``source`` is the slug of the venue's definition.
    """

    def __init__(self, source: str, connect: Callable[[], Awaitable[VenueConnection]], clock: Clock = utc_now) -> None:
        """Read through the connection that ``connect`` returns.

        Every read calls it, because the connection may change.
        """
        self.source = source
        self._connect = connect
        self._clock = clock

    async def markets(self) -> Mapping[str, Market]:
        """Return every known spot market by symbol, also those that do not trade now."""
        connection = await self._connect()
        return {symbol: item.market for symbol, item in (await connection.markets()).items()}

    async def offered(self) -> Mapping[str, Market]:
        """Return the spot markets that trade, by symbol."""
        connection = await self._connect()
        return {symbol: item.market for symbol, item in (await connection.offered()).items()}

    async def snapshot(self, symbol: str) -> Snapshot:
        """Return the current order book and last price."""
        return await snapshot_of(await self._listing(symbol), symbol, self.source, READ_TIMEOUT_SECONDS)

    async def mids(self) -> Mapping[str, Decimal]:
        """Return the mark price of every symbol, at most a few seconds old.

        Raises:
            MarketDataError: the venue did not answer in time.

        """
        connection = await self._connect()
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                return await connection.mids()
        except TimeoutError:
            raise MarketDataError(f"{connection.venue.name} did not answer in time.", retry_after=2) from None

    async def tickers(self, symbols: Sequence[str]) -> Mapping[str, Ticker]:
        """Return the tickers of those symbols that the venue lists."""
        connection = await self._connect()
        listed = await connection.markets()
        known = [symbol for symbol in symbols if symbol in listed]
        return await tickers_of(connection, known, self.source, READ_TIMEOUT_SECONDS, self._clock)

    async def minutes(self, symbol: str, since: datetime) -> Sequence[Candle]:
        """Return minute candles from ``since`` on. Up to five pages without a trade are skipped.

        Raises:
            MarketDataError: the venue no longer serves candles from ``since`` on.

        """
        connection = await self._listing(symbol)
        kept = connection.venue.minutes_kept
        if kept is not None and self._clock() - since > kept:
            raise MarketDataError(
                f"{connection.venue.name} keeps minute candles for {kept // MINUTE} minutes only.", symbol=symbol
            )
        for page in range(MAX_PAGES):
            start = since + page * PAGE * MINUTE
            found = await minutes_of(connection, symbol, start, PAGE, READ_TIMEOUT_SECONDS)
            if start + PAGE * MINUTE > self._clock() or any(candle.start > since for candle in found):
                return found
        return ()

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first."""
        return await candles_of(await self._listing(symbol), symbol, query, self._clock(), READ_TIMEOUT_SECONDS)

    async def _listing(self, symbol: str) -> VenueConnection:
        """Return the connection with its markets loaded, or raise SymbolNotFoundError for an unlisted ``symbol``."""
        connection = await self._connect()
        if symbol not in await connection.markets():
            raise unknown_symbol(symbol, (), f"{connection.venue.name} does not trade")
        return connection


async def snapshot_of(connection: VenueConnection, symbol: str, source: str, seconds: float) -> Snapshot:
    """Return the order book and the last price of a listed symbol.

    The snapshot has the book's own timestamp if the venue sends one. Otherwise it has the earlier of two times: the
    ticker's, and the ``Date`` header of the answer with the book, which is exact to the second.

    Args:
        connection: The connection to the venue.
        symbol: The symbol.
        source: The name of the venue in the snapshot.
        seconds: Time limit of each of the two reads.

    Raises:
        MarketDataError: the venue has no quotes for the symbol, or does not date them.

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


async def tickers_of(
    connection: VenueConnection, symbols: Sequence[str], source: str, seconds: float, clock: Clock
) -> Mapping[str, Ticker]:
    """Return the tickers of listed symbols, at the time of the venue's answer.

    A symbol that the venue no longer lists is missing, also if it refuses the others for it.

    Args:
        connection: The connection to the venue.
        symbols: Our names of the symbols.
        source: The name of the venue in the tickers.
        seconds: Time limit of the read, to which a tenth of a second is added for each symbol.
        clock: Returns the current time, for a venue that does not date its answers.

    Raises:
        WalletError: the venue did not answer.

    """
    listed = await connection.markets()
    asked = [symbol for symbol in symbols if listed[symbol].mode is not MarketMode.UNLISTED]
    if not asked:
        return {}

    async def read(symbols: Sequence[str], client: Client) -> Mapping[str, Ticker]:
        quotes = await connection.venue.tickers(client, symbols)
        at = _written_at(client.answered_at) or clock()
        return {symbol: Ticker(symbol, at, source, quote) for symbol, quote in quotes.items()}

    async def found(symbols: Sequence[str]) -> Mapping[str, Ticker]:
        limit = seconds + SECONDS_PER_TICKER * len(symbols)
        try:
            return await connection.read(connection.client({}), partial(read, symbols), limit)
        except InvalidSymbolError:
            # The venue refuses all for one that it has delisted since it listed its markets. Find that one by halves.
            half = len(symbols) // 2
            return {**await found(symbols[:half]), **await found(symbols[half:])} if half else {}

    return await found(asked)


def _stamp(found: Mapping[str, Any]) -> datetime | None:
    return read_time(found["timestamp"]) if found.get("timestamp") else None


def _written_at(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date or "").replace(tzinfo=UTC)
    except ValueError:
        return None
