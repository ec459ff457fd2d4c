"""Balance sync of very many accounts at fake venues: ``python -m tests.soak.sync --wallets 10000 --seed 1``.

Venues answer after 100 ms, 2% of the accounts fail and 1% hang. The real dispatcher and the real workers run in
separate processes. Schedule events are delivered twice and messages repeatedly, as drawn from the seed. Time between
periods is skipped. At the end of each period every healthy wallet was synced once for it, and every other wallet was
tried at most once. At the end of the run the failing accounts are repaired and recover without help.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from pymongo import MongoClient

from moniqo_core.credentials.key_ring import KeyRing, new_key, write_ring
from moniqo_core.domain.sync.outcome_rules import FAILURES_UNTIL_ERROR
from moniqo_core.domain.sync.retry_delay import SLOWEST_RETRY
from tests.soak.queue import Queue, queue
from tests.soak.sync_processes import (
    DATABASE,
    Context,
    Worker,
    WorkerSetup,
    become_environment,
    keys_of,
    prepare,
    venues,
)
from tests.support.mongo import embedded_server

PERIOD = timedelta(minutes=5)


@dataclass(frozen=True)
class Plan:
    """The size of a run, the latency of its venues, and its number of periods."""

    wallets: int
    seed: int
    periods: int = 3
    workers: int = 2
    venues: int = 2
    latency: float = 0.1
    failing: float = 0.02
    hanging: float = 0.01
    seconds_per_wallet: float = 10.0


@dataclass
class Report:
    """The measurements of a run."""

    synced: int = 0
    tried: int = 0
    seconds: list[float] = field(default_factory=list)
    deliveries: int = 0
    memory: list[list[float]] = field(default_factory=list)
    recovered: int = 0


def run_dispatcher(place: WorkerSetup, pipe: Any) -> None:
    """Run the real handler of ``dispatch_sync`` for the times that come through the pipe."""
    become_environment(place)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from tests.support.lambdas import load_function

    handler = load_function("dispatch_sync").handler
    while (scheduled := pipe.recv()) is not None:
        pipe.send(handler({"scheduled_time": scheduled.isoformat()}, None)["queued"])


class Stage:
    """The processes of a run, and the periods that it simulates."""

    def __init__(self, plan: Plan, db: Any, waiting: Queue, workers: Sequence[Worker], dispatcher: Any) -> None:
        """Start at the present time."""
        self._plan = plan
        self._db = db
        self._queue = waiting
        self._workers = workers
        self._dispatcher = dispatcher
        self._rng = Random(plan.seed)
        self._ahead = timedelta()
        self.report = Report()

    @property
    def now(self) -> datetime:
        """The time of the soak, in which periods pass at once."""
        return datetime.now(UTC) + self._ahead

    def skip(self, span: timedelta) -> None:
        """Let time pass."""
        self._ahead += span

    def period(self) -> datetime:
        """Run one turn of the schedule to its end. Return its time."""
        scheduled = self.now.replace(microsecond=0)
        started = time.monotonic()
        for _ in range(1 + (self._rng.random() < 0.5)):
            self._dispatcher.send(scheduled)
            self._dispatcher.recv()
        bodies = self._queue.take()
        bodies += self._rng.sample(bodies, len(bodies) // 5)
        self._rng.shuffle(bodies)
        self.report.deliveries += len(bodies)
        batches = [bodies[start : start + 10] for start in range(0, len(bodies), 10)]
        with ThreadPoolExecutor(len(self._workers)) as pool:
            left = iter(batches)
            list(pool.map(lambda worker: self._feed(worker, left), self._workers))
        self.report.seconds.append(time.monotonic() - started)
        return scheduled

    def _feed(self, worker: Worker, batches: Iterator[list[str]]) -> None:
        for bodies in batches:
            records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
            answer = worker.work(self._ahead, {"Records": records})
            assert answer == {"batchItemFailures": []}, answer

    def check(self, scheduled: datetime, sick: Counter[str] | dict[str, str]) -> None:
        """Check the sync log and the wallets after a period."""
        rows = list(
            self._db.wallet_sync_log.find({"_id": {"$regex": f":{scheduled.isoformat()}$".replace("+", "\\+")}})
        )
        by_wallet = Counter(row["user_wallet_id"] for row in rows)
        assert set(by_wallet.values()) <= {1}, "a wallet was synced twice for one time"
        done = {row["user_wallet_id"] for row in rows if row["status"] == "success"}
        healthy = {key for venue, count in enumerate(self.counts()) for key in keys_of(venue, count)} - set(sick)
        missed = Counter(row["error_code"] for row in rows if row["user_wallet_id"] in healthy and row["error_code"])
        assert done == healthy, f"{len(healthy - done)} healthy wallets were not synced, of them failed: {missed}"
        self.report.synced += len(done)
        self.report.tried += len(rows) - len(done)
        rows_of = Counter(row["user_wallet_id"] for row in self._db.wallet_sync_log.find({"status": "failed"}))
        for wallet in self._db.user_wallets.find({"_id": {"$in": list(sick)}}):
            connection, statistics = wallet["connection"], wallet["statistics"]
            assert connection["retry_count"] == statistics["failed_syncs"] == rows_of[wallet["_id"]], wallet["_id"]
            assert wallet["status"] == ("error" if connection["retry_count"] >= FAILURES_UNTIL_ERROR else "active")

    def counts(self) -> list[int]:
        """Accounts per venue."""
        return counts_of(self._plan)


def counts_of(plan: Plan) -> list[int]:
    """Share the wallets out among the venues."""
    each = plan.wallets // plan.venues
    return [each + (venue < plan.wallets % plan.venues) for venue in range(plan.venues)]


def draw_failing(plan: Plan) -> dict[str, str]:
    """Choose the accounts that fail and those that hang."""
    keys = [key for venue, count in enumerate(counts_of(plan)) for key in keys_of(venue, count)]
    rng = Random(f"{plan.seed}/sick")
    chosen = rng.sample(keys, round(plan.wallets * (plan.failing + plan.hanging)))
    failing = round(plan.wallets * plan.failing)
    return {key: "status" if number < failing else "hang" for number, key in enumerate(chosen)}


@contextmanager
def start_stage(plan: Plan) -> Iterator[tuple[Stage, list[Any]]]:
    """Start everything. Yield the stage and the pipe of each venue."""
    counts = counts_of(plan)
    key = new_key(datetime.now(UTC))
    ring = write_ring(KeyRing({key.kid: key}))
    with ExitStack() as stack:
        url = stack.enter_context(embedded_server())
        waiting = stack.enter_context(queue())
        at = stack.enter_context(venues(counts, plan.latency))
        asyncio.run(prepare(url, [address for address, _ in at], counts, ring))
        # A busy machine starves the emulation, and the driver would take it for dead.
        place = WorkerSetup(
            f"{url}&serverMonitoringMode=poll&heartbeatFrequencyMS=600000", waiting.url, ring, plan.seconds_per_wallet
        )
        workers = [Worker(place, number) for number in range(plan.workers)]
        for worker in workers:
            stack.callback(worker.end)
        ours, theirs = Context.Pipe()
        dispatcher = Context.Process(target=run_dispatcher, args=(place, theirs), daemon=True)
        dispatcher.start()
        stack.callback(dispatcher.join, 10)
        stack.callback(ours.send, None)
        client: MongoClient[dict[str, Any]] = stack.enter_context(MongoClient(url, tz_aware=True))
        stage = Stage(plan, client[DATABASE], waiting, workers, ours)
        yield stage, [pipe for _, pipe in at]
        stage.report.memory = [worker.memory for worker in workers]


def run(plan: Plan, say: Any = lambda _: None) -> Report:
    """Run a plan. Raise AssertionError when a check fails."""
    sick = draw_failing(plan)
    with start_stage(plan) as (stage, pipes):
        _trouble(pipes, sick)
        for number in range(plan.periods):
            scheduled = stage.period()
            stage.check(scheduled, sick)
            say(f"period {number + 1}: {plan.wallets} wallets in {stage.report.seconds[-1]:.1f} s")
            stage.skip(PERIOD)
        _trouble(pipes, {})
        stage.skip(SLOWEST_RETRY)
        stage.check(stage.period(), {})
        stage.report.recovered = len(sick)
        say(f"healed: all of {len(sick)} recovered")
    return stage.report


def _trouble(pipes: Sequence[Any], sick: dict[str, str]) -> None:
    for pipe in pipes:
        pipe.send(sick)
        assert pipe.recv()


def growth(memory: Sequence[float]) -> float:
    """Megabytes between the end of the first quarter of a worker's batches, when it is warm, and the last."""
    return memory[-1] - memory[len(memory) // 4]


def main() -> int:
    """Run it. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=10_000)
    parser.add_argument("--periods", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed when it is not given")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else Random().getrandbits(32)
    print(f"seed {seed}, {given.wallets} wallets", flush=True)
    plan = Plan(given.wallets, seed, given.periods, given.workers)
    report = run(plan, lambda text: print(text, flush=True))
    grown = max(map(growth, report.memory))
    print(f"{report.synced} syncs, {report.tried} failed tries, {report.deliveries} messages delivered")
    print(f"worker memory: {[round(memory[-1]) for memory in report.memory]} MB, grown by {grown:.0f} MB since warm")
    return 0 if grown < 25 else 1


if __name__ == "__main__":
    multiprocessing.freeze_support()
    raise SystemExit(main())
