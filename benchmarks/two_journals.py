"""One request on a wallet with a long journal and on one with a short journal: its time and its memory."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.accounts import OWNER, Database, prepare
from benchmarks.journals import Journal, journal, load
from benchmarks.report import Line
from benchmarks.timing import paired, spoken
from moniqo_core import bootstrap, event_loop
from moniqo_core.storage.client import with_utc_times
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server, patient_client

DATABASE: Final = "bench"
SHORT: Final = 1_000
LONG: Final = int(os.environ.get("GROWTH_ENTRIES", "100000"))
"""A multiple of 1,000 above 1,000."""
_MOST_TIME: Final = 1.5
_MOST_MEMORY: Final = 1.2


class Asked(NamedTuple):
    """A request on one wallet."""

    function: str
    method: str
    path: str
    status: int
    body: Mapping[str, object] | None = None

    def handler(self) -> Callable[[], None]:
        """Return what sends the request to its handler. It raises RuntimeError for another status."""
        event = http_event(self.method, self.path, user=User(OWNER), body=self.body)
        handler: Callable[[Any, Any], Any] = load_function(self.function).handler

        def call() -> None:
            with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
                answer = handler(event, None)
            if answer["statusCode"] != self.status:
                raise RuntimeError(json.dumps(answer))

        return call


@contextmanager
def two_wallets() -> Iterator[Mapping[int, str]]:
    """Yield the ids of two wallets by the number of their entries, on an embedded server that handlers use."""
    with embedded_server("--cache-size", "2G") as url:
        os.environ.update(MONGODB_URL=url, MONGODB_DATABASE=DATABASE)
        journals = {entries: journal(entries) for entries in (SHORT, LONG)}
        yield event_loop.run(_loaded(with_utc_times(patient_client(url)[DATABASE]), journals))


async def _loaded(database: Database, journals: Mapping[int, Journal]) -> dict[int, str]:
    await prepare(database)
    return {entries: await load(database, made) for entries, made in journals.items()}


def compare(asked: Mapping[int, Asked], calls: int) -> tuple[Line, Line]:
    """Send the requests in turn, and each once more in a new process. Return the lines of time and of memory."""
    found = paired(asked[LONG].handler(), asked[SHORT].handler(), calls=calls)
    event_loop.run(bootstrap.database().client.close())
    long, short = (_peak_of_new_process(asked[entries]) for entries in (LONG, SHORT))
    beside = f"{LONG:,} entries beside {SHORT:,}"
    times = f"{spoken(found.ours)}, with {SHORT:,} entries {spoken(found.baseline)}"
    sizes = f"{long:.0f} MB, with {SHORT:,} entries {short:.0f} MB"
    return (
        Line(f"time, {beside}", found.ratio, _MOST_TIME, detail=times, is_bar=True),
        Line(f"memory, {beside}", long / short, _MOST_MEMORY, detail=sizes, is_bar=True),
    )


def _peak_of_new_process(asked: Asked) -> float:
    """Return the largest resident set, in megabytes, of a new process that sends the request once."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.SimpleQueue()
    process = spawn.Process(target=_send_once, args=(asked, results))
    process.start()
    process.join()
    peak: float = results.get()
    return peak


def _send_once(asked: Asked, results: Any) -> None:
    asked.handler()()
    # The figure of getrusage would begin with the size of the parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    results.put(next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")))
    os._exit(0)  # the open client would print errors when the interpreter ends
