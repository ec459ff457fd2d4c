"""The simulated market: a pure function of (seed, symbol, time), so anybody's look at any time agrees.

The price is a sum of value-noise octaves in whole numbers: each octave draws a level at every multiple of its period
and moves in a straight line between them. Shares are in 1e-8, so nothing depends on floating point. The amplitudes add
up to 14.5%, the price can therefore never leave base +/- 15%. It is constant for 15 seconds; those steps are the path.
Stocks have steps in sessions of their exchange only; between them the last price of the last session shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from moniqo.domain import market_hours
from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.errors import MarketDataError, SymbolNotFoundError, ValidationError
from moniqo.domain.market import SIMULATED, Candle, Level, Market, PathPoint, Snapshot
from moniqo.domain.market_hours import NYSE
from moniqo.domain.money import ONE

STEP_SECONDS: Final = 15
BOOK_LEVELS: Final = 20
INTERVALS: Final = {"1m": 60, "1h": 3600, "1d": 86400}

_SHARE: Final = 10**8
_OCTAVES: Final = (
    (14 * 86400, 5_000_000),
    (3 * 86400, 4_000_000),
    (12 * 3600, 2_500_000),
    (2 * 3600, 1_500_000),
    (20 * 60, 900_000),
    (120, 450_000),
    (STEP_SECONDS, 150_000),
)
_LEVEL_NOTIONAL: Final = 25_000
_STEP_NOTIONAL: Final = 60_000
_STEP: Final = timedelta(seconds=STEP_SECONDS)


class Listing(NamedTuple):
    """A simulated symbol: its market and the price it wanders around, in ticks; tick and lot as decimal places."""

    market: Market
    base_ticks: int
    tick_places: int
    lot_places: int


def _list(
    symbol: str, price: str, tick_places: int, lot_places: int, min_notional: str, hours: str | None = None
) -> Listing:
    base, _, quote = symbol.partition("/")
    lot = Decimal(1).scaleb(-lot_places)
    market = Market(symbol, base, quote, Decimal(1).scaleb(-tick_places), lot, lot, Decimal(min_notional), hours)
    return Listing(market, int(Decimal(price).scaleb(tick_places)), tick_places, lot_places)


@lru_cache(maxsize=1)
def listings() -> dict[str, Listing]:
    """Every simulated symbol, by name."""
    rows = (
        _list("AAPL/USD", "190", 2, 0, "1", NYSE),
        _list("ADA/USDT", "0.45", 5, 1, "5"),
        _list("BNB/USDT", "600", 3, 3, "5"),
        _list("BTC/USDT", "50000", 2, 5, "5"),
        _list("DOGE/USDT", "0.12", 6, 0, "5"),
        _list("ETH/USDT", "3000", 2, 4, "5"),
        _list("LTC/USDT", "80", 3, 3, "5"),
        _list("MSFT/USD", "420", 2, 0, "1", NYSE),
        _list("SOL/USDT", "100", 3, 3, "5"),
        _list("XRP/USDT", "0.6", 5, 1, "5"),
    )
    return {row.market.symbol: row for row in rows}


class SimulatedFeed:
    """A :class:`~moniqo.domain.market.PriceFeed` that needs no network. The seed is never shown to anyone."""

    max_age = _STEP + timedelta(seconds=1)
    """A price holds for a step; one seen at the end of it is still good when the order is decided."""

    def __init__(self, seed: str, clock: Clock = utc_now) -> None:
        """Take the deployment's secret seed and the clock that says when now is."""
        self._key = hashlib.sha256(seed.encode()).digest()
        self._clock = clock
        self._snapshot = lru_cache(maxsize=256)(self._snapshot_at)
        self._level = lru_cache(maxsize=65536)(self._draw_level)

    name = SIMULATED

    async def markets(self) -> Sequence[Market]:
        """Every simulated symbol, ordered by name."""
        return [row.market for row in listings().values()]

    async def market(self, symbol: str) -> Market:
        """One symbol; raises SymbolNotFoundError."""
        return _listing(symbol).market

    async def snapshot(self, symbol: str, *, fresh: bool = True) -> Snapshot:
        """Best prices and book now, or of the last session; its time is the beginning of that step's price."""
        return self._snapshot(symbol, _shown_step(_listing(symbol), self._clock()))

    async def mids(self, symbols: Sequence[str], *, fresh: bool = False) -> dict[str, Decimal]:
        """Mid price of each symbol now, or of the last session."""
        now, found = self._clock(), map(_listing, symbols)
        return {listing.market.symbol: self._mid(listing, _shown_step(listing, now)) for listing in found}

    async def usd_rate(self, asset: str) -> Decimal:
        """One: a simulated token follows the dollar exactly."""
        return ONE

    async def known_until(self, symbol: str, since: datetime, until: datetime) -> datetime:
        """All of it: the path is computed."""
        return until

    async def path(self, symbol: str, since: datetime, until: datetime) -> Sequence[PathPoint]:
        """Steps that begin at or after ``since`` and are over by ``until`` and by now, oldest first."""
        listing = _listing(symbol)
        first = -(-int(since.timestamp() * 1000) // (STEP_SECONDS * 1000))
        last = _step_of(min(until, self._clock()))
        if listing.market.hours is None:
            return [self._point(listing, step) for step in range(first, last)]
        return [
            self._point(listing, step)
            for session in market_hours.sessions_between(since, until)
            for step in range(max(first, _step_of(session.open)), min(last, _step_of(session.close)))
        ]

    async def candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last ``limit`` closed candles of ``1m``, ``1h`` or ``1d``, oldest first; raises ValidationError."""
        if interval not in INTERVALS:
            raise ValidationError(f"interval {interval!r} is not one of {', '.join(INTERVALS)}")
        listing, seconds = _listing(symbol), INTERVALS[interval]
        closed = int(self._clock().timestamp()) // seconds
        if listing.market.hours is None:
            indexes: Iterable[int] = range(closed - limit, closed)
        else:
            indexes = reversed(list(islice(_traded(seconds, closed), limit)))
        return [self._candle(listing, index, seconds) for index in indexes]

    def _draw_level(self, symbol: str, octave: int, index: int) -> int:
        """Level of an octave at a multiple of its period, uniform within its amplitude, in 1e-8."""
        digest = hashlib.blake2b(f"{symbol}|{octave}|{index}".encode(), digest_size=8, key=self._key).digest()
        amplitude = _OCTAVES[octave][1]
        return int.from_bytes(digest) % (2 * amplitude + 1) - amplitude

    def _ticks(self, listing: Listing, step: int) -> int:
        """Price of a step in ticks."""
        symbol, at, share = listing.market.symbol, step * STEP_SECONDS, 0
        for octave, (period, _) in enumerate(_OCTAVES):
            index, into = divmod(at, period)
            start = self._level(symbol, octave, index)
            if into:
                start += (self._level(symbol, octave, index + 1) - start) * into // period
            share += start
        return listing.base_ticks * (_SHARE + share) // _SHARE

    def _mid(self, listing: Listing, step: int) -> Decimal:
        return Decimal(self._ticks(listing, step)).scaleb(-listing.tick_places)

    def _point(self, listing: Listing, step: int) -> PathPoint:
        ticks = self._ticks(listing, step)
        begins = _begin(step)
        return PathPoint(
            begins,
            begins + _STEP,
            Decimal(ticks).scaleb(-listing.tick_places),
            self._volume(listing, step, ticks),
            Decimal(_half_spread(ticks)).scaleb(-listing.tick_places),
        )

    def _volume(self, listing: Listing, step: int, ticks: int) -> Decimal:
        """Base asset traded in a step: 0.1 to 1.9 times the usual notional."""
        draw = self._bytes(listing, step, b"volume", 4)
        lots = _STEP_NOTIONAL * 10 ** (listing.tick_places + listing.lot_places) // ticks
        return Decimal(lots * (1000 + int.from_bytes(draw) % 18000) // 10000).scaleb(-listing.lot_places)

    def _snapshot_at(self, symbol: str, step: int) -> Snapshot:
        listing = _listing(symbol)
        ticks = self._ticks(listing, step)
        half = _half_spread(ticks)
        gap = max(1, ticks // 100_000)
        draws = self._bytes(listing, step, b"book", 4 * BOOK_LEVELS * 2)
        usual = max(1, _LEVEL_NOTIONAL * 10 ** (listing.tick_places + listing.lot_places) // ticks)
        sides: list[list[Level]] = []
        for side, sign in enumerate((-1, 1)):
            levels = []
            for depth in range(BOOK_LEVELS):
                at = 4 * (side * BOOK_LEVELS + depth)
                draw = int.from_bytes(draws[at : at + 4]) % 1_600_000
                levels.append(
                    Level(
                        Decimal(ticks + sign * (half + depth * gap)).scaleb(-listing.tick_places),
                        Decimal(max(1, usual * (200_000 + draw) // 1_000_000)).scaleb(-listing.lot_places),
                    )
                )
            sides.append(levels)
        last = Decimal(ticks).scaleb(-listing.tick_places)
        return Snapshot(symbol, _begin(step), last, sides[0], sides[1], SIMULATED)

    def _candle(self, listing: Listing, index: int, seconds: int) -> Candle:
        steps = _steps_of(listing, index * seconds, (index + 1) * seconds)
        ticks = [self._ticks(listing, step) for step in steps]
        volume = sum((self._volume(listing, step, price) for step, price in zip(steps, ticks, strict=True)), Decimal(0))
        opened, high, low, closed = (
            Decimal(value).scaleb(-listing.tick_places) for value in (ticks[0], max(ticks), min(ticks), ticks[-1])
        )
        return Candle(datetime.fromtimestamp(index * seconds, UTC), opened, high, low, closed, volume)

    def _bytes(self, listing: Listing, step: int, purpose: bytes, size: int) -> bytes:
        seed = b"%s|%s|%s|%d" % (self._key, purpose, listing.market.symbol.encode(), step)
        return hashlib.shake_256(seed).digest(size)


def _listing(symbol: str) -> Listing:
    found = listings().get(symbol)
    if found is None:
        raise SymbolNotFoundError(f"no market {symbol[:40]!r}", symbol=symbol[:40])
    return found


def _shown_step(listing: Listing, moment: datetime) -> int:
    """Step whose price shows at a moment: the last one of the last session while the market is closed."""
    if listing.market.hours is None or market_hours.session_at(moment) is not None:
        return _step_of(moment)
    session = next(market_hours.earlier_sessions(moment), None)
    if session is None:
        raise MarketDataError(f"no session of {listing.market.symbol} is known", symbol=listing.market.symbol)
    return _step_of(session.close) - 1


def _traded(seconds: int, closed: int) -> Iterator[int]:
    """Numbers of the candles below ``closed`` that hold a part of a session, latest first."""
    below = closed
    for session in market_hours.earlier_sessions(datetime.fromtimestamp(closed * seconds, UTC)):
        last = (int(session.close.timestamp()) - 1) // seconds
        for index in range(min(last, below - 1), int(session.open.timestamp()) // seconds - 1, -1):
            yield index
            below = index


def _steps_of(listing: Listing, since: int, until: int) -> Sequence[int]:
    """Steps the market traded in between two whole numbers of seconds."""
    steps = range(since // STEP_SECONDS, until // STEP_SECONDS)
    if listing.market.hours is None:
        return steps
    sessions = market_hours.sessions_between(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))
    spans = [range(_step_of(session.open), _step_of(session.close)) for session in sessions]
    return [step for step in steps if any(step in span for span in spans)]


def _half_spread(ticks: int) -> int:
    """Half of 0.01% of the price, at least a tick."""
    return max(1, ticks // 20_000)


def _step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS


def _begin(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)
