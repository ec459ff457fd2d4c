"""Performance of a paper wallet: its time, what it reads and its memory, with a long journal beside a short one."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from benchmarks.accounts import OWNER, Database, prepare
from benchmarks.journals import Journal, journal, load
from benchmarks.report import Line, Section
from benchmarks.timing import paired, spoken
from moniqo_core import bootstrap, event_loop
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.paper.snapshots import ENTRIES
from tests.support.documents_read import documents_read
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server, patient_client

DATABASE: Final = "bench"
SHORT, LONG = 1_000, 100_000
CALLS: Final = 40
MOST_READ: Final = 500
"""The entry that the totals are as of, and those since."""
METHOD: Final = (
    "The real handler of `get_performance` runs warm on the embedded database. It reads a paper wallet with 100,000 "
    "entries and one with 1,000, in turn. The first read of each is not measured, because it computes and stores the "
    "totals. The long journal covers more hours, so it has more points of equity. A wallet has at most some "
    "4,000 of these. Memory is the largest resident set of a new process that reads once, for each of the two wallets."
)


def measure() -> Section:
    """Read both wallets in turn."""
    with embedded_server("--cache-size", "2G") as url:
        os.environ.update(MONGODB_URL=url, MONGODB_DATABASE=DATABASE)
        journals = {entries: journal(entries) for entries in (SHORT, LONG)}
        wallets = event_loop.run(_loaded(with_utc_times(patient_client(url)[DATABASE]), journals))
        reads = {entries: _Read(wallet) for entries, wallet in wallets.items()}
        for each in reads.values():
            each()
        with documents_read() as read:
            reads[LONG]()
        found = paired(reads[LONG], reads[SHORT], calls=CALLS)
        event_loop.run(bootstrap.database().client.close())
        peak = {entries: _peak_of_new_process(wallet) for entries, wallet in wallets.items()}
    lines = [
        Line("time, 100,000 entries beside 1,000", found.ratio, 1.5, "x", _both(spoken, found.ours, found.baseline)),
        Line("entries of the journal read", read[ENTRIES], MOST_READ, "", str(dict(read))),
        Line(
            "memory, 100,000 entries beside 1,000",
            peak[LONG] / peak[SHORT],
            1.2,
            "x",
            _both(_megabytes, peak[LONG], peak[SHORT]),
        ),
    ]
    return Section("Performance", METHOD, lines)


def _both(shown: Callable[[float], str], long: float, short: float) -> str:
    return f"{shown(long)}, with 1,000 entries {shown(short)}"


def _megabytes(megabytes: float) -> str:
    return f"{megabytes:.0f} MB"


class _Read:
    """Reads the performance of one wallet."""

    def __init__(self, wallet: str) -> None:
        self._event = http_event("GET", f"/wallets/{wallet}/performance", user=User(OWNER))
        self._handler: Callable[[Any, Any], Any] = load_function("get_performance").handler

    def __call__(self) -> None:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            answer = self._handler(self._event, None)
        if answer["statusCode"] != 200:
            raise RuntimeError(json.dumps(answer))


async def _loaded(database: Database, journals: Mapping[int, Journal]) -> dict[int, str]:
    await prepare(database)
    return {entries: await load(database, made) for entries, made in journals.items()}


def _peak_of_new_process(wallet: str) -> float:
    """Return the largest resident set, in megabytes, of a new process that reads performance once."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.SimpleQueue()
    process = spawn.Process(target=_read_once, args=(wallet, results))
    process.start()
    process.join()
    peak: float = results.get()
    return peak


def _read_once(wallet: str, results: Any) -> None:
    _Read(wallet)()
    # The figure of getrusage would begin with the size of the parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    results.put(next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")))
    os._exit(0)  # the open client would print errors when the interpreter ends
