"""Eight processes place orders at once: on one wallet, where they take turns, and on eight, where no process waits."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener

from benchmarks.accounts import OWNER, new_database
from benchmarks.report import Line, Section
from benchmarks.timing import spoken
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.client import with_utc_times
from moniqo_core.wallets.connector import WalletConnector
from tests.support.mongo import embedded_server

DATABASE = "bench"
PROCESSES = 8
ORDERS = 50
METHOD = (
    "Eight processes place 50 market orders each through `WalletConnector` and `DemoWallet`, all at once. Every order "
    "needs one commit, and each further commit is a retry. The waiting time runs from opening the wallet to the "
    "commit."
)


class Result(NamedTuple):
    """Seconds that each order of a process took, and the number of commits that the process tried."""

    seconds: list[float]
    commits: int


class Commits(CommandListener):
    """Counts the commits that were sent."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.count = 0

    def started(self, event: Any) -> None:
        """Count a commit."""
        self.count += event.command_name == "bulkWrite"

    def succeeded(self, event: Any) -> None:
        """Nothing to count."""

    def failed(self, event: Any) -> None:
        """Nothing to count."""


def measure() -> Section:
    """Measure writers of one wallet, and writers of separate wallets."""
    with embedded_server() as url:
        wallets = asyncio.run(new_database(url, DATABASE, PROCESSES + 1))
        hot, apart = _run(url, wallets[:1] * PROCESSES), _run(url, wallets[1:])
    waits = sorted(second for result in hot for second in result.seconds)
    median, slowest = statistics.median(waits), waits[int(len(waits) * 0.99)]
    retries = sum(result.commits for result in apart) - PROCESSES * ORDERS
    hot_retries = sum(result.commits for result in hot) - PROCESSES * ORDERS
    detail = f"median {spoken(median)}, p99 {spoken(slowest)}, {hot_retries} retries for {len(waits)} orders"
    lines = [
        Line("one hot wallet: p99 compared with median", slowest / median, 10, "x", detail),
        Line("eight wallets: retries", retries, 0, "", f"{PROCESSES * ORDERS} orders"),
    ]
    return Section("Eight writers", METHOD, lines)


def _run(url: str, wallets: Sequence[str]) -> list[Result]:
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(len(wallets)), spawn.SimpleQueue()
    processes = [spawn.Process(target=_write, args=(url, wallet, barrier, results)) for wallet in wallets]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    failures = [result for result in found if isinstance(result, str)]
    if failures:
        raise RuntimeError(failures[0])
    return found


def _write(url: str, wallet_id: str, barrier: Any, results: Any) -> None:
    try:
        results.put(asyncio.run(_orders(url, wallet_id, barrier)))
    except Exception as error:  # noqa: BLE001  the parent waits for a result, even if it is an exception
        results.put(repr(error))


async def _orders(url: str, wallet_id: str, barrier: Any) -> Result:
    commits = Commits()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, w="majority", event_listeners=[commits])
    connector = WalletConnector(with_utc_times(client[DATABASE]))
    order = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.001"))
    await connector.connect_demo(OWNER, wallet_id)
    barrier.wait()
    seconds: list[float] = []
    for _ in range(ORDERS):
        started = time.perf_counter()
        await (await connector.connect_demo(OWNER, wallet_id)).orders.submit(order)
        seconds.append(time.perf_counter() - started)
    await client.close()
    return Result(seconds, commits.count)
