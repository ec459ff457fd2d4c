"""The first daily candles in a new environment, compared with the hashes that their steps need."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import UTC, datetime

from benchmarks.report import Line, Section
from benchmarks.timing import spoken, starts
from moniqo_core.domain.market.candles import CandleQuery
from moniqo_core.feeds import simulated_feed
from moniqo_core.feeds.random_walk import RandomWalk, SimulatedMarket, simulated_markets
from moniqo_core.feeds.simulated_candles import NoHourStore, SimulatedCandles

NOW = datetime(2026, 2, 1, 12, 0, 1, tzinfo=UTC)
SYMBOL = "BTC/USDT"
ROUNDS = 7
MOST_CPU = 500
METHOD = (
    "The 50 last daily candles, when no hour is stored yet and nothing is in memory. An answer computes a bounded "
    "number of steps, and the next one goes on. The baseline draws two hashes for each of these steps, which are its "
    "price and its volume, and makes nothing of them. The bar is half a second of CPU."
)


class CountedWalk(RandomWalk):
    """A market that counts the steps computed."""

    steps = 0

    def lots(self, market: SimulatedMarket, steps: range, ticks: list[int]) -> list[int]:
        """Count the steps, and draw their volume."""
        self.steps += len(steps)
        return super().lots(market, steps, ticks)


def measure() -> Section:
    """Measure the first answer."""
    found = starts(lambda: first_candles(RandomWalk("bench")), hashes, rounds=ROUNDS)
    walk = CountedWalk("bench")
    first_candles(walk)
    return Section(
        "Candles of the simulated market",
        METHOD,
        [
            Line("first daily candles of a new environment", found.ratio, 3.5, "x", f"{spoken(found.ours)} of CPU"),
            Line("CPU of these candles", found.ours * 1e3, MOST_CPU, "ms", is_bar=True),
            Line("steps that they compute", walk.steps, 14 * 5760, "steps"),
        ],
    )


def first_candles(walk: RandomWalk) -> float:
    """Return the seconds of CPU that the first answer takes."""
    candles, query = SimulatedCandles(walk, NoHourStore()), CandleQuery("1d", 50)
    started = time.process_time()
    asyncio.run(candles.series(simulated_markets()[SYMBOL], query, NOW, simulated_feed.MOST_STEPS))
    return time.process_time() - started


def hashes() -> float:
    """Return the seconds of CPU that two hashes of each step take."""
    keyed, begun = hashlib.blake2b(digest_size=8, key=b"bench"), hashlib.shake_256(b"bench")
    started = time.process_time()
    for step in range(simulated_feed.MOST_STEPS):
        price, volume = keyed.copy(), begun.copy()
        price.update(b"%d" % step)
        volume.update(b"%d" % step)
        price.digest(), volume.digest(4)
    return time.process_time() - started
