"""A fork at an old entry: what it reads, its CPU and its memory, in a long journal beside a short one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final

from benchmarks.report import Line, Section
from benchmarks.two_journals import LONG, SHORT, Asked, compare, two_wallets
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES
from tests.support.documents_read import documents_read

OLD: Final = {entries: entries // 2 + 499 for entries in (SHORT, LONG)}
"""The entry to fork at. Both are as far from their checkpoint as an entry can be."""
CALLS: Final = 15
MOST_READ: Final = 503
"""The entries since the checkpoint. And the checkpoint with its own entry, which are looked up twice."""
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
    with two_wallets() as wallets:
        asked = {
            entries: Asked("fork_wallet", "POST", f"/wallets/{wallet}/fork", 201, {"seq": OLD[entries]})
            for entries, wallet in wallets.items()
        }
        asked[SHORT].handler()()
        fork = asked[LONG].handler()
        with documents_read() as read:
            fork()
        cpu = statistics.median(_cpu(fork) for _ in range(5))
        times, memory = compare(asked, CALLS)
    of_journal = {name: count for name, count in sorted(read.items()) if name in {ENTRIES, CHECKPOINTS}}
    lines = [
        times,
        Line(f"CPU, {LONG:,} entries", cpu * 1e3, MOST_CPU, "ms", is_bar=True),
        Line("entries and checkpoints read", sum(of_journal.values()), MOST_READ, "", str(of_journal)),
        memory,
    ]
    return Section("Fork at an old entry", METHOD, lines)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
