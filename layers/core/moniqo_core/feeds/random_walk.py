"""The price process of the simulated market.

Price, volume and book sizes of a step are pure functions of seed, symbol and step number. The price is a sum of
value-noise octaves, computed in integers. Each octave draws a level at every multiple of its period and interpolates
linearly between them. Shares of the base price are in units of 1e-8, so nothing depends on floating point. The
amplitudes add up to 14.5%, so the price never leaves the base price +/- 15%. It is constant for 15 seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.trading_hours import NYSE

STEP_SECONDS: Final = 15

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


class SimulatedMarket(NamedTuple):
    """A simulated symbol: its market, and the price that it fluctuates around.

    ``base_ticks`` is that price in ticks. ``tick_places`` and ``lot_places`` are the decimal places of tick and lot.
    """

    market: Market
    base_ticks: int
    tick_places: int
    lot_places: int

    def price(self, ticks: int) -> Decimal:
        """Convert a price from ticks."""
        return Decimal(ticks).scaleb(-self.tick_places)

    def amount(self, lots: int) -> Decimal:
        """Convert an amount from lots."""
        return Decimal(lots).scaleb(-self.lot_places)

    def lots_priced(self, notional: int) -> int:
        """Return how many lots ``notional`` of the quote asset buys at a price of one tick."""
        return notional * int(10 ** (self.tick_places + self.lot_places))


def _list(
    symbol: str, price: str, tick_places: int, lot_places: int, min_notional: str, hours: str | None = None
) -> SimulatedMarket:
    base, _, quote = symbol.partition("/")
    lot = Decimal(1).scaleb(-lot_places)
    market = Market(symbol, base, quote, Decimal(1).scaleb(-tick_places), lot, lot, Decimal(min_notional), hours)
    return SimulatedMarket(market, int(Decimal(price).scaleb(tick_places)), tick_places, lot_places)


@lru_cache(maxsize=1)
def simulated_markets() -> dict[str, SimulatedMarket]:
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


class RandomWalk:
    """The simulated market of one seed.

    Steps are counted from the Unix epoch. A ``range`` of steps has no gaps.
    """

    def __init__(self, seed: str) -> None:
        """Derive the key of all draws from ``seed``."""
        self._key = hashlib.sha256(seed.encode()).digest()
        # Copying a keyed hash takes a third less time than creating one.
        self._keyed = hashlib.blake2b(digest_size=8, key=self._key)
        self._level = lru_cache(maxsize=65536)(self._draw_level)

    def name_of(self, market: SimulatedMarket) -> str:
        """Return a name that differs for every seed and every definition of a market. It discloses neither."""
        defined = f"{_OCTAVES}{_STEP_NOTIONAL}{market}"
        return hashlib.blake2b(defined.encode(), digest_size=8, key=self._key, person=b"name").hexdigest()

    def ticks(self, market: SimulatedMarket, steps: range) -> list[int]:
        """Price of each step, in ticks."""
        octaves = [self._octave(market.market.symbol, octave, steps) for octave in range(len(_OCTAVES))]
        return [market.base_ticks * (_SHARE + sum(shares)) // _SHARE for shares in zip(*octaves, strict=True)]

    def lots(self, market: SimulatedMarket, steps: range, ticks: list[int]) -> list[int]:
        """Lots traded in each step: 0.1 to 1.9 times the usual notional.

        ``ticks`` has the price of each step.
        """
        usual = market.lots_priced(_STEP_NOTIONAL)
        draws = self._draws(market, b"volume", steps, 4)
        return [
            usual // price * (1000 + int.from_bytes(draw) % 18000) // 10000
            for price, draw in zip(ticks, draws, strict=True)
        ]

    def book_lots(self, market: SimulatedMarket, step: int, ticks: int, levels: int) -> list[int]:
        """Lots at each of ``levels`` price levels of a step's book: 0.2 to 1.8 times the usual notional."""
        (draws,) = self._draws(market, b"book", [step], 4 * levels)
        usual = max(1, market.lots_priced(_LEVEL_NOTIONAL) // ticks)
        shares = (200_000 + int.from_bytes(draws[at : at + 4]) % 1_600_000 for at in range(0, 4 * levels, 4))
        return [max(1, usual * share // 1_000_000) for share in shares]

    def _octave(self, symbol: str, octave: int, steps: range) -> list[int]:
        """Contribution of an octave to the price of each step, in 1e-8 of the base price."""
        period = _OCTAVES[octave][0] // STEP_SECONDS
        if period == 1:
            return self._draw_levels(symbol, octave, steps)
        indexes = range(steps.start // period, -(-steps.stop // period))
        levels = [self._level(symbol, octave, index) for index in (*indexes, indexes.stop)]
        shares: list[int] = []
        for index, (start, end) in zip(indexes, pairwise(levels), strict=True):
            within = range(max(steps.start - index * period, 0), min(steps.stop - index * period, period))
            shares += [start + (end - start) * into // period for into in within]
        return shares

    def _draw_level(self, symbol: str, octave: int, index: int) -> int:
        """Level of an octave at a multiple of its period, uniform within its amplitude, in 1e-8 of the base price."""
        digest = self._keyed.copy()
        digest.update(f"{symbol}|{octave}|{index}".encode())
        amplitude = _OCTAVES[octave][1]
        return int.from_bytes(digest.digest()) % (2 * amplitude + 1) - amplitude

    def _draw_levels(self, symbol: str, octave: int, indexes: range) -> list[int]:
        """Draw many levels at once, which share the beginning of their hash. This saves a third of the time."""
        begun = self._keyed.copy()
        begun.update(f"{symbol}|{octave}|".encode())
        amplitude = _OCTAVES[octave][1]
        count, copied, number = 2 * amplitude + 1, begun.copy, int.from_bytes
        levels: list[int] = []
        for index in indexes:
            digest = copied()
            digest.update(b"%d" % index)
            levels.append(number(digest.digest()) % count - amplitude)
        return levels

    def _draws(self, market: SimulatedMarket, purpose: bytes, steps: Iterable[int], size: int) -> Iterator[bytes]:
        begun = hashlib.shake_256(b"%s|%s|%s|" % (self._key, purpose, market.market.symbol.encode()))
        for step in steps:
            draw = begun.copy()
            draw.update(b"%d" % step)
            yield draw.digest(size)
