"""A random market for trials of the engine: three symbols with gaps, candles, holes, broken points and broken books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from moniqo_core.domain.market.market import Market, PathPoint, PriceLevel, Snapshot

D = Decimal
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MAX_AGE = timedelta(seconds=2)
MOST_POINTS = 12

BASES = ("BTC", "ETH", "MOTE")
# Tick, lot, smallest amount, usual price in ticks, usual volume. The last one's tick times lot is finer than USDT, and
# every one's is finer than USD is kept in.
_LISTED = {
    "BTC": (D("0.01"), D("0.00001"), D("0.00001"), 5_000_000, D("0.5")),
    "ETH": (D("0.01"), D("0.0001"), D("0.001"), 300_000, D(8)),
    "MOTE": (D("0.000001"), D("0.001"), D("0.001"), 120_000, D(40_000)),
}


class World:
    """Clock, prices, books and paths, all drawn from the given generators."""

    def __init__(self, rng: Random) -> None:
        self.cash = rng.choice(("USDT", "USDT", "USD"))
        self.markets: dict[str, Market] = {}
        self.usual_ticks: dict[str, int] = {}
        self.usual_volume: dict[str, Decimal] = {}
        for base, (tick, lot, smallest, ticks, volume) in _LISTED.items():
            symbol = f"{base}/{self.cash}"
            maximums: dict[str, Any] = {}
            if rng.random() < 0.2:
                maximums = {"max_price": ticks * tick * D("1.05"), "max_notional": D(rng.choice((1000, 20_000)))}
                maximums["max_amount"] = volume * rng.choice((D("0.01"), D("0.333333333"), 20))
            self.markets[symbol] = Market(symbol, base, self.cash, tick, lot, smallest, D(5), **maximums)
            self.usual_ticks[symbol], self.usual_volume[symbol] = ticks, volume
        self.symbols = tuple(self.markets)
        # Sometimes exactly on the hour, where hourly periods begin and end.
        after = timedelta(seconds=rng.randrange(0, 3600), milliseconds=rng.choice((0, 0, 250)))
        self.now = START if rng.random() < 0.05 else START + after
        self.ticks = dict(self.usual_ticks)
        self.step = {symbol: rng.choice((15, 15, 60)) for symbol in self.markets}
        self.reached = {symbol: self.now.replace(second=0, microsecond=0) for symbol in self.markets}
        self.paths: dict[str, list[PathPoint]] = {symbol: [] for symbol in self.markets}
        self.half_ticks = {symbol: rng.choice((0, 1, 50)) for symbol in self.markets}
        self.targets: dict[str, list[Decimal]] = {}
        self.books = {symbol: self._new_book(symbol, rng) for symbol in self.markets}

    def price(self, symbol: str, ticks: int | None = None) -> Decimal:
        return (self.ticks[symbol] if ticks is None else ticks) * self.markets[symbol].tick_size

    def mids(self) -> dict[str, Decimal]:
        return {symbol: (bids[0].price + asks[0].price) / 2 for symbol, (bids, asks) in self.books.items()}

    def snapshot(self, symbol: str, rng: Random) -> Snapshot:
        """Mostly a valid order book, sometimes an implausible one."""
        bids, asks = self.books[symbol]
        at = self.now - timedelta(milliseconds=rng.randrange(0, 2000))
        fault = rng.randrange(100)
        if fault == 0:
            bids = []
        elif fault == 1:
            asks = []
        elif fault == 2:
            bids, asks = asks, bids
            bids = [PriceLevel(bids[0].price + 1, D(1)), *bids]
        elif fault == 3:
            at = self.now - timedelta(seconds=3)
        elif fault == 4:
            at = self.now + timedelta(seconds=2)
        elif fault == 5:
            bids = [PriceLevel(D(0), D(1))]
        return Snapshot(symbol, at, self.price(symbol), bids, asks, "test")

    def advance(self, rng: Random, span: timedelta) -> list[tuple[str, PathPoint]]:
        """Let time pass. Return the new path points."""
        self.now += span
        found = [(symbol, point) for symbol in self.markets for point in self._extend(symbol, rng)]
        for symbol in self.markets:
            if rng.random() < 0.7:
                self.books[symbol] = self._new_book(symbol, rng)
        return found

    def _extend(self, symbol: str, rng: Random) -> list[PathPoint]:
        """Points of the steps that are over. A long span has coarser points."""
        step = timedelta(seconds=self.step[symbol])
        left = (self.now - self.reached[symbol]) // step
        points: list[PathPoint] = []
        while left:
            steps = -(-left // MOST_POINTS)
            start, end = self.reached[symbol], self.reached[symbol] + steps * step
            left -= steps
            self.reached[symbol] = end
            if rng.random() < 0.04:
                continue
            candle = self.step[symbol] == 60
            points += [self._point(symbol, start, end, rng) for _ in range(4 if candle else 1)]
        self.paths[symbol] += points
        return points

    def _point(self, symbol: str, start: datetime, end: datetime, rng: Random) -> PathPoint:
        self._move(symbol, rng)
        tick = self.markets[symbol].tick_size
        half = self.half_ticks[symbol] * tick
        volume = (
            self.usual_volume[symbol]
            * rng.choice((D(0), D("0.000001"), D(1), D(1), D(1), D(1), D(1)))
            * rng.randrange(4 * 10**7)
            / 10**7
        )
        price = self.price(symbol)
        fault = rng.randrange(60)
        if fault == 0:
            price = D(rng.choice((0, -1)))
        elif fault == 1:
            half = rng.choice((-tick, price, price * 2))
        elif fault == 2:
            half += tick / 2
        return PathPoint(start, end, price, volume, half)

    def _move(self, symbol: str, rng: Random) -> None:
        base, ticks = self.usual_ticks[symbol], self.ticks[symbol]
        targets = self.targets.get(symbol)
        if targets and rng.random() < 0.15:
            self.ticks[symbol] = int(rng.choice(targets) / self.markets[symbol].tick_size)
            return
        share = rng.gauss(0, 0.004)
        if rng.random() < 0.04:
            share = rng.choice((-1, 1)) * rng.uniform(0.02, 0.2)
        self.ticks[symbol] = min(max(int(ticks * (1 + share)), base // 3), base * 3)

    def _new_book(self, symbol: str, rng: Random) -> tuple[list[PriceLevel], list[PriceLevel]]:
        if rng.random() < 0.3:
            self._move(symbol, rng)
        ticks, half = self.ticks[symbol], self.half_ticks[symbol]
        spread = rng.choice((1, 1, 20, ticks // 20))
        usual = self.usual_volume[symbol]
        sides: list[list[PriceLevel]] = []
        for direction in (-1, 1):
            at, side = ticks + direction * half, []
            for _ in range(rng.randrange(1, 6)):
                size = usual * rng.choice((1, 2, 5, 20)) / 10
                side.append(PriceLevel(self.price(symbol, at), size))
                at += direction * rng.randrange(1, spread + 1)
            sides.append(side)
        return sides[0], sides[1]
