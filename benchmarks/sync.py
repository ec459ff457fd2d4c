"""How many wallets a sync worker syncs per second, compared with the most that the venue's latency allows."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from pymongo import monitoring

from benchmarks.report import Line, Section
from moniqo_core.credentials.key_ring import KeyRing, new_key, write_ring
from moniqo_core.services.sync.concurrent_account_queries import AT_ONCE_PER_VENUE
from tests.soak.sync_processes import WorkerSetup, keys_of, prepare, venues, worker_handler
from tests.support.mongo import embedded_server

LATENCY: Final = 0.1
WALLETS: Final = 250
CALLS: Final = 2
ROUNDS: Final = 5
METHOD: Final = (
    "The real handler of `sync_wallets` runs warm on batches of ten messages, which name 250 accounts. A fake Binance "
    "in another process answers each call after 100 ms. Each account needs two calls through CCXT: one for the key's "
    "permissions and one for the balance. Prices are read once for all accounts. The ideal queries ten accounts at a "
    "time and spends 100 ms on each call and nothing else. A ratio of 1.25 means 80% of the ideal number of wallets "
    "per second. The emulated database takes milliseconds for each of the batch's 750 writes. So the first line "
    "leaves out the time of its answers, as a command listener reports it. The second line includes that time. The "
    "third line is a bare client that makes the same number of calls. Each number is the median of five runs."
)


class Answers(monitoring.CommandListener):
    """Adds up the time of the database's answers."""

    def __init__(self) -> None:
        """Begin at none."""
        self.seconds = 0.0

    def started(self, event: Any) -> None:
        """Nothing to count yet."""

    def succeeded(self, event: Any) -> None:
        """Count an answer."""
        self.seconds += event.duration_micros / 1e6

    failed = succeeded


def measure() -> Section:
    """Measure whole batches, and the same calls by a bare client in turn."""
    answers = Answers()
    monitoring.register(answers)
    key = new_key(datetime.now(UTC))
    ring = write_ring(KeyRing({key.kid: key}))
    with embedded_server() as url, venues([WALLETS], LATENCY) as at:
        (address, _), *_ = at
        asyncio.run(prepare(url, [address], [WALLETS], ring))
        handler = worker_handler(WorkerSetup(url, "http://127.0.0.1:9", ring, 10.0), lambda: datetime.now(UTC))
        _batch(handler, 0)
        rounds = []
        for number in range(1, ROUNDS + 1):
            answers.seconds = 0.0
            took = _batch(handler, number)
            rounds.append((took - answers.seconds, took, asyncio.run(_bare(address))))
    ours, whole, bare = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    ideal = WALLETS * CALLS * LATENCY / AT_ONCE_PER_VENUE
    lines = [
        Line("time of a batch, compared with the ideal", ours / ideal, 1.25, "x", _spoken(ours, ideal)),
        Line("the same with the emulated database", whole / ideal, None, "x", _spoken(whole, ideal)),
        Line("bare calls, compared with the ideal", bare / ideal, None, "x", _spoken(bare, ideal)),
    ]
    return Section("Sync of accounts at a venue", METHOD, lines)


def _spoken(seconds: float, ideal: float) -> str:
    return f"{WALLETS / seconds:.1f} wallets a second of {WALLETS / ideal:.0f}, {ideal / seconds:.0%} of the ideal"


async def _bare(address: str) -> float:
    """Make the same number of calls with a bare client, ten at a time, and return how long it took."""
    started = time.perf_counter()
    turn = asyncio.Semaphore(AT_ONCE_PER_VENUE)
    async with aiohttp.ClientSession() as session:

        async def account() -> None:
            async with turn:
                for _ in range(CALLS):
                    async with session.get(f"{address}/api/v3/time") as answer:
                        await answer.read()

        await asyncio.gather(*(account() for _ in range(WALLETS)))
    return time.perf_counter() - started


def _batch(handler: Callable[..., Any], number: int) -> float:
    moment = datetime.now(UTC) + timedelta(minutes=5 * number)
    keys = keys_of(0, WALLETS)
    Random(number).shuffle(keys)
    bodies = [
        {"scheduled_time": moment.isoformat(), "user_wallet_ids": keys[start : start + 25]}
        for start in range(0, WALLETS, 25)
    ]
    records = [{"messageId": str(name), "body": json.dumps(body)} for name, body in enumerate(bodies)]
    started = time.perf_counter()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        answer = handler({"Records": records}, None)
    if answer != {"batchItemFailures": []}:
        raise RuntimeError(answer)
    return time.perf_counter() - started
