"""How the time of an order over HTTP divides among our code, the driver and the database server."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener

from benchmarks.accounts import OWNER, create_wallet, prepare
from benchmarks.recorded_database import RecordedDatabase, served_by
from benchmarks.report import Line, Section
from benchmarks.timing import spoken
from moniqo_core import event_loop
from moniqo_core.storage.client import connect, with_utc_times
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server

DATABASE = "bench"
ORDERS = 200
METHOD = (
    "The handler of `place_order` places market orders on the embedded database. The server's share is the time from "
    "sending a command to its answer, as a command listener reports it. Our share is the time of the same calls with "
    "the database answered from memory. The driver's share is the rest."
)


class ServerTime(CommandListener):
    """Adds up the seconds in which at least one command was under way, as the driver reports them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.seconds = 0.0
        self._under_way = 0
        self._since = 0.0

    def started(self, event: Any) -> None:
        """Begin to count, unless another command is under way."""
        if not self._under_way:
            self._since = time.perf_counter()
        self._under_way += 1

    def succeeded(self, event: Any) -> None:
        """Count up to now when it was the last one."""
        self._under_way -= 1
        if not self._under_way:
            self.seconds += time.perf_counter() - self._since

    def failed(self, event: Any) -> None:
        """Count a command that failed as well."""
        self.succeeded(event)


def measure() -> Section:
    """Measure the shares."""
    os.environ.update(MONGODB_URL="mongodb://unused", MONGODB_DATABASE=DATABASE)
    with embedded_server() as url:
        real = connect(url, DATABASE)
        event_loop.run(prepare(real))
        wallet = event_loop.run(create_wallet(real))
        watched = ServerTime()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, w="majority", event_listeners=[watched])
        total, server = _orders(wallet, with_utc_times(client[DATABASE]), watched)
        ours, _ = _orders(wallet, RecordedDatabase(real), watched)
        event_loop.run(client.close())
        event_loop.run(real.client.close())
    shares = {"our code": ours, "driver": total - ours - server, "server": server}
    lines = [Line(name, 100 * part / total, None, "%", spoken(part)) for name, part in shares.items()]
    return Section("An order over HTTP", METHOD, lines)


def _orders(wallet: str, database: Any, watched: ServerTime) -> tuple[float, float]:
    """Return the median seconds of an order, and of its commands."""
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    event = http_event("POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=body)
    handler = load_function("place_order").handler
    totals: list[float] = []
    servers: list[float] = []
    with (
        served_by(database),
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
    ):
        for _ in range(ORDERS):
            before, started = watched.seconds, time.perf_counter()
            answer = handler(event, None)
            totals.append(time.perf_counter() - started)
            servers.append(watched.seconds - before)
            if answer["statusCode"] != 201:
                raise RuntimeError(answer)
    return statistics.median(totals[20:]), statistics.median(servers[20:])
