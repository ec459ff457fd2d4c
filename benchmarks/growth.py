"""The same request on a wallet with a long journal and on one with a short journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.accounts import prepare
from benchmarks.journal_life import RARE, START, wallet_id
from benchmarks.journals import give_own_user, journal, load
from benchmarks.report import Line, Section
from benchmarks.timing import Comparison, spoken
from moniqo_core import bootstrap, event_loop
from moniqo_core.storage.client import with_utc_times
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server, patient_client

SHORT: Final = 1_000
LONG: Final = int(os.environ.get("GROWTH_ENTRIES", "100000"))
ROUNDS: Final = 40
LIMIT: Final = 1.5
MEMORY_LIMIT: Final = 1.2
METHOD: Final = (
    f"Our side asks for the wallet with {LONG:,} journal entries, the baseline for the one with {SHORT:,}. Both are in "
    "one database of the embedded server. Each is the only wallet of its user, and the calls run in turn. "
    "GROWTH_ENTRIES changes the longer one. A rare symbol has as many trades on both pages. Memory is the most that a "
    "new process with the function alone has used."
)
_EARLY: Final = (START + timedelta(hours=4)).isoformat().replace("+00:00", "Z")


class Request(NamedTuple):
    """A request to one function, for any wallet. ``of_user`` tells that its path names no wallet."""

    name: str
    function: str
    path: str
    query: Mapping[str, str] = {}
    body: Mapping[str, str] | None = None
    of_user: bool = False

    def event(self, wallet: str) -> dict[str, Any]:
        """Return the event of this request."""
        method = "GET" if self.body is None else "POST"
        path = self.path if self.of_user else f"/wallets/{wallet}{self.path}"
        return http_event(method, path, user=User(wallet), query=dict(self.query), body=self.body)


REQUESTS: Final = (
    Request("orders", "list_orders", "/orders"),
    Request("orders, `to` early", "list_orders", "/orders", {"to": _EARLY}),
    Request("orders, closed", "list_orders", "/orders", {"status": "closed"}),
    Request("orders of a symbol", "list_orders", "/orders", {"symbol": "BTC/USDT"}),
    Request("orders, sells", "list_orders", "/orders", {"side": "sell"}),
    Request("orders, stop losses", "list_orders", "/orders", {"type": "stop_loss", "limit": "10"}),
    Request("orders of a rare symbol", "list_orders", "/orders", {"symbol": RARE, "limit": "3"}),
    Request("order by client order id", "list_orders", "/orders", {"client_order_id": "c-20"}),
    Request("orders of all wallets", "list_all_orders", "/orders", of_user=True),
    Request("orders of all wallets, `to` early", "list_all_orders", "/orders", {"to": _EARLY}, of_user=True),
    Request("orders of all wallets, sells", "list_all_orders", "/orders", {"side": "sell"}, of_user=True),
    Request("trades", "list_trades", "/trades"),
    Request("trades, `to` early", "list_trades", "/trades", {"to": _EARLY}),
    Request("trades of a symbol", "list_trades", "/trades", {"symbol": "BTC/USDT"}),
    Request("trades of a rare symbol", "list_trades", "/trades", {"symbol": RARE, "limit": "3"}),
    Request("trades of a symbol, `to` early", "list_trades", "/trades", {"symbol": "BTC/USDT", "to": _EARLY}),
    Request("ledger", "get_ledger", "/ledger"),
    Request("balance", "get_balance", "/balance"),
    # The last one, because it opens positions, whose path every later request has to walk.
    Request("place a market order", "place_order", "/orders", body={
        "symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001",
    }),
)  # fmt: skip


def measure() -> Section:
    """Measure growth."""
    journals = [journal(entries) for entries in (SHORT, LONG)]
    # The long history in memory needs more than the default limit of the server.
    with embedded_server("--cache-size", "4G") as url:
        os.environ.update(MONGODB_URL=url, MONGODB_DATABASE="bench")
        loading = with_utc_times(patient_client(url)["bench"])
        event_loop.run(prepare(loading))
        for each in journals:
            event_loop.run(give_own_user(loading, event_loop.run(load(loading, each))))
        lines = [*_memory(), *(_compare(request) for request in REQUESTS)]
        event_loop.run(bootstrap.database().client.close())
    return Section("Growth with history", METHOD, lines)


def _compare(request: Request) -> Line:
    call = _caller(request)
    times: dict[int, list[float]] = {LONG: [], SHORT: []}
    for _ in range(ROUNDS):
        for entries, taken in times.items():
            started = time.perf_counter()
            call(wallet_id(entries))
            taken.append(time.perf_counter() - started)
    found = Comparison.of(times[LONG][2:], times[SHORT][2:])
    detail = f"{spoken(found.ours)}, baseline {spoken(found.baseline)}"
    return Line(request.name, found.ratio, LIMIT, detail=detail, is_bar=True)


def _caller(request: Request) -> Callable[[str], None]:
    handler = load_function(request.function).handler

    def call(wallet: str) -> None:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            answer = handler(request.event(wallet), None)
        if answer["statusCode"] not in {200, 201}:
            raise RuntimeError(f"{request.name}: {answer}")

    return call


def _memory() -> Iterator[Line]:
    """Compare the memory of new processes, each with one function and all of its requests."""
    for function in dict.fromkeys(request.function for request in REQUESTS if request.body is None):
        short, long = (_peak(function, entries) for entries in (SHORT, LONG))
        detail = f"{long / 1024:.0f} MiB, baseline {short / 1024:.0f} MiB"
        yield Line(f"memory of `{function}`", long / short, MEMORY_LIMIT, detail=detail, is_bar=True)


def _peak(function: str, entries: int) -> int:
    command = [sys.executable, "-m", "benchmarks.growth", function, wallet_id(entries)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peak: int = json.loads(done.stdout.splitlines()[-1])
    return peak


def _call_once(function: str, wallet: str) -> None:
    """Make every request of a function and print the peak of this process's memory in KiB."""
    import resource

    for request in REQUESTS:
        if request.function == function:
            _caller(request)(wallet)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _call_once(*sys.argv[1:])
