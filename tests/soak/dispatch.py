"""The dispatcher with very many due wallets: ``python -m tests.soak.dispatch --wallets 100000``.

It runs the real handler in a separate process, the embedded database, and a queue on loopback. It reports the duration
and the growth of memory. It fails unless every wallet was queued exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import time
import uuid
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any

from tests.soak.queue import queue
from tests.support.mongo import embedded_server

MINUTE = timedelta(minutes=1)


def handle(environment: dict[str, str], scheduled: datetime, answers: Any) -> None:
    """Run the handler twice: first for an hour without due wallets, as a warm-up, then for the real hour."""
    os.environ.update(environment)
    from moniqo_core.storage import client
    from tests.support.lambdas import load_function

    client.ANSWER_MS = 300_000  # type: ignore[misc]  # the emulation reads and sorts everything before it answers
    handler = load_function("dispatch_sync").handler
    handler({"scheduled_time": "2000-01-01T00:00:00Z"}, None)
    before, started = _peak(), time.monotonic()
    queued = handler({"scheduled_time": scheduled.isoformat()}, None)["queued"]
    answers.put((queued, started, time.monotonic(), before, _peak()))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def prepare(url: str, count: int, scheduled: datetime) -> None:
    """Insert wallets of realistic size with only the index that the dispatcher uses. Each other index costs minutes."""
    from pymongo import AsyncMongoClient

    from moniqo_core.storage.indexes import INDEXES

    async with AsyncMongoClient[dict[str, Any]](url) as client:
        wallets = client.get_database("soak").user_wallets
        index = [model for model in INDEXES["user_wallets"] if "next_sync_at" in model.document["key"]]
        await wallets.create_indexes(index)
        for start in range(0, count, 1000):
            await wallets.insert_many(_wallet(number, scheduled) for number in range(start, min(start + 1000, count)))


def _wallet(number: int, scheduled: datetime) -> dict[str, Any]:
    return {
        "_id": str(uuid.UUID(int=number)),
        "wallet_slug": f"venue-{number % 3}",
        "status": "active",
        "deleted_at": None,
        "next_sync_at": scheduled - timedelta(milliseconds=number * 7919 % 300_000),
        "balance": {"assets": ["x" * 1000]},
    }


def main() -> int:
    """Run it. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=100_000)
    wallets = parser.parse_args().wallets
    environment = {
        "ENVIRONMENT": "soak",
        "MONGODB_DATABASE": "soak",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    scheduled = datetime.now(UTC).replace(microsecond=0)
    # In memory the emulation holds at most some 50,000 wallets.
    with TemporaryDirectory() as folder, embedded_server("--storage-path", folder) as url, queue() as waiting:
        environment |= {"AWS_ENDPOINT_URL": waiting.url, "SYNC_QUEUE_URL": waiting.url}
        # The emulation answers no request while it scans, and the driver would take it for dead.
        environment["MONGODB_URL"] = f"{url}&serverMonitoringMode=poll&heartbeatFrequencyMS=600000"
        started = time.monotonic()
        asyncio.run(prepare(url, wallets, scheduled))
        print(f"{wallets} wallets inserted in {time.monotonic() - started:.0f} s", flush=True)
        spawn = multiprocessing.get_context("spawn")
        answers = spawn.SimpleQueue()
        process = spawn.Process(target=handle, args=(environment, scheduled, answers))
        process.start()
        process.join()
        if process.exitcode:
            return 1
        queued, started, ended, before, after = answers.get()
        first = waiting.first_at or ended
        asked = [wallet for body in waiting.take() for wallet in json.loads(body)["user_wallet_ids"]]
    print(
        f"{queued} queued in {ended - started:.1f} s: the first after {first - started:.1f} s, when the emulation had",
        end="",
    )
    print(f" read and sorted all of them, the others within {ended - first:.1f} s", flush=True)
    print(f"peak memory {before:.0f} MB before, {after:.0f} MB after", flush=True)
    complete = len(asked) == len(set(asked)) == queued == wallets
    print("every wallet was asked for once" if complete else f"{len(asked)} asked for, {len(set(asked))} of them apart")
    return 0 if complete else 1


if __name__ == "__main__":
    raise SystemExit(main())
