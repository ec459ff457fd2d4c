"""Performance of a paper wallet: its time, what it reads and its memory, with a long journal beside a short one."""

from __future__ import annotations

from typing import Final

from benchmarks.report import Line, Section
from benchmarks.two_journals import LONG, SHORT, Asked, compare, two_wallets
from moniqo_core.storage.paper.snapshots import ENTRIES
from tests.support.documents_read import documents_read

CALLS: Final = 40
MOST_READ: Final = 500
"""The entry that the totals are as of, and those since."""
METHOD: Final = (
    f"The real handler of `get_performance` runs warm on the embedded database. It reads a paper wallet with {LONG:,} "
    f"entries and one with {SHORT:,}, in turn. The first read of each is not measured, because it computes and stores "
    "the totals. The long journal covers more hours, so it has more points of equity. A wallet has at most some 4,000 "
    "of these. Memory is the largest resident set of a new process that reads once, for each of the two wallets. "
    "GROWTH_ENTRIES changes the longer journal."
)


def measure() -> Section:
    """Read both wallets in turn."""
    with two_wallets() as wallets:
        asked = {
            entries: Asked("get_performance", "GET", f"/wallets/{wallet}/performance", 200)
            for entries, wallet in wallets.items()
        }
        for each in asked.values():
            each.handler()()
        with documents_read() as read:
            asked[LONG].handler()()
        times, memory = compare(asked, CALLS)
    lines = [times, Line("entries of the journal read", read[ENTRIES], MOST_READ, "", str(dict(read))), memory]
    return Section("Performance", METHOD, lines)
