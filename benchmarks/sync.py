"""How busy a sync worker keeps a venue: wallets a second beside what its concurrency and the venue's latency allow."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from benchmarks.report import Line, Section
from moniqo.credentials.key_ring import KeyRing, new_key, write_ring
from moniqo.services.sync import AT_ONCE_PER_VENUE
from tests.soak.sync_cast import Place, Worker, keys_of, prepare, venues
from tests.support.mongo import embedded_server

LATENCY: Final = 0.1
WALLETS: Final = 250
CALLS: Final = 2
ROUNDS: Final = 5
METHOD: Final = (
    "The real handler of `sync_wallets` in a process of its own, warm, on batches of ten messages: 250 accounts at a "
    "fake Binance in another process, which answers after 100 ms, through CCXT, each with two calls (what the key may "
    "do, the balance); prices are read once for all. Ideal: ten accounts at a time, every call 100 ms, nothing else; "
    "1.25x of its time is 80% of its wallets a second. The median of five batches, with the processor time of each."
)


def measure() -> Section:
    """Measure whole batches."""
    ring = KeyRing({(key := new_key(datetime.now(UTC))).kid: key})
    with embedded_server() as url, venues([WALLETS], LATENCY) as at:
        asyncio.run(prepare(url, [address for address, _ in at], [WALLETS], write_ring(ring)))
        worker = Worker(Place(url, "http://127.0.0.1:9", write_ring(ring), 10.0), 0)
        seconds = [_batch(worker, number) for number in range(ROUNDS + 1)][1:]
        worker.end()
    took, ideal = statistics.median(seconds), WALLETS * CALLS * LATENCY / AT_ONCE_PER_VENUE
    detail = f"{WALLETS / took:.1f} wallets a second of {WALLETS / ideal:.0f}, {ideal / took:.0%} of the ideal"
    return Section(
        "Sync of accounts at a venue",
        METHOD,
        [Line("time of a batch beside the ideal", took / ideal, 1.25, "x", detail)],
    )


def _batch(worker: Worker, number: int) -> float:
    moment = datetime.now(UTC) + timedelta(minutes=5 * number)
    keys = keys_of(0, WALLETS)
    Random(number).shuffle(keys)
    bodies = [
        {"scheduled_time": moment.isoformat(), "user_wallet_ids": keys[start : start + 25]}
        for start in range(0, WALLETS, 25)
    ]
    records = [{"messageId": str(name), "body": json.dumps(body)} for name, body in enumerate(bodies)]
    started = time.perf_counter()
    answer = worker.work(timedelta(minutes=5 * number), {"Records": records})
    assert answer == {"batchItemFailures": []}
    return time.perf_counter() - started
