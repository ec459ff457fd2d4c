"""A fork at an old entry: what it reads, its CPU and its memory, in a long journal beside a short one."""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import time
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
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES
from tests.support.documents_read import documents_read
from tests.support.lambdas import User, http_event, load_function
from tests.support.mongo import embedded_server, patient_client

DATABASE: Final = "bench"
SHORT: Final = 1_000
LONG: Final = int(os.environ.get("GROWTH_ENTRIES", "100000"))
"""A multiple of 1,000 above 1,000."""
OLD: Final = {entries: entries // 2 + 499 for entries in (SHORT, LONG)}
"""The entry to fork at. Both are as far from their checkpoint as an entry can be."""
CALLS: Final = 15
MOST_READ: Final = 501
"""The entries since the checkpoint, the checkpoint, and its number alone, which shows that it is there."""
MOST_CPU: Final = 1_000
METHOD: Final = (
    f"The real handler of `fork_wallet` runs warm on the embedded database. It forks a paper wallet with {LONG:,} "
    f"entries at entry {OLD[LONG]:,}, and one with {SHORT:,} entries at entry {OLD[SHORT]:,}, in turn. Both entries "
    "are 499 after a checkpoint, which is the farthest. CPU is that of the process of the handler, without the "
    "database. Memory is the largest resident set of a new process that makes one fork, for each of the two wallets. "
    "GROWTH_ENTRIES changes the longer journal."
)


def measure() -> Section:
    """Fork both wallets in turn."""
    with embedded_server("--cache-size", "2G") as url:
        os.environ.update(MONGODB_URL=url, MONGODB_DATABASE=DATABASE)
        journals = {entries: journal(entries) for entries in (SHORT, LONG)}
        wallets = event_loop.run(_loaded(with_utc_times(patient_client(url)[DATABASE]), journals))
        fork = {entries: _Fork(wallet, OLD[entries]) for entries, wallet in wallets.items()}
        fork[SHORT]()
        with documents_read() as read:
            fork[LONG]()
        found = paired(fork[LONG], fork[SHORT], calls=CALLS)
        cpu = statistics.median(_cpu(fork[LONG]) for _ in range(5))
        event_loop.run(bootstrap.database().client.close())
        peak = {entries: _peak_of_new_process(wallet, OLD[entries]) for entries, wallet in wallets.items()}
    of_journal = {name: count for name, count in sorted(read.items()) if name in {ENTRIES, CHECKPOINTS}}
    lines = [
        Line(
            f"time, {LONG:,} entries beside {SHORT:,}", found.ratio, 1.5, "x", _both(spoken, found.ours, found.baseline)
        ),
        Line(f"CPU, {LONG:,} entries", cpu * 1e3, MOST_CPU, "ms"),
        Line("entries and checkpoints read", sum(of_journal.values()), MOST_READ, "", str(of_journal)),
        Line(
            f"memory, {LONG:,} entries beside {SHORT:,}",
            peak[LONG] / peak[SHORT],
            1.2,
            "x",
            _both(_megabytes, peak[LONG], peak[SHORT]),
        ),
    ]
    return Section("Fork at an old entry", METHOD, lines)


def _both(shown: Callable[[float], str], long: float, short: float) -> str:
    return f"{shown(long)}, with {SHORT:,} entries {shown(short)}"


def _megabytes(megabytes: float) -> str:
    return f"{megabytes:.0f} MB"


class _Fork:
    """Forks one wallet at one entry."""

    def __init__(self, wallet: str, seq: int) -> None:
        self._event = http_event("POST", f"/wallets/{wallet}/fork", user=User(OWNER), body={"seq": seq})
        self._handler: Callable[[Any, Any], Any] = load_function("fork_wallet").handler

    def __call__(self) -> None:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            answer = self._handler(self._event, None)
        if answer["statusCode"] != 201:
            raise RuntimeError(json.dumps(answer))


async def _loaded(database: Database, journals: Mapping[int, Journal]) -> dict[int, str]:
    await prepare(database)
    return {entries: await load(database, made) for entries, made in journals.items()}


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _peak_of_new_process(wallet: str, seq: int) -> float:
    """Return the largest resident set, in megabytes, of a new process that makes one fork."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.SimpleQueue()
    process = spawn.Process(target=_fork_once, args=(wallet, seq, results))
    process.start()
    process.join()
    peak: float = results.get()
    return peak


def _fork_once(wallet: str, seq: int, results: Any) -> None:
    _Fork(wallet, seq)()
    results.put(_peak())
    os._exit(0)  # the open client would print errors when the interpreter ends


def _peak() -> float:
    # The figure of getrusage would begin with the size of the parent.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024
