"""Performance of a paper wallet: its time, what it reads and its memory, with a long journal beside a short one."""

from __future__ import annotations

from typing import Final

from benchmarks.report import Line, Section
from benchmarks.two_journals import LONG, SHORT, Asked, compare, two_wallets
from moniqo_core.storage.equity_points import COLLECTION as EQUITY
from moniqo_core.storage.paper.snapshots import ENTRIES
from tests.support.documents_read import documents_read

CALLS: Final = 40
MOST_READ: Final = 500
"""The entry that the totals are as of, and those since."""
MOST_POINTS: Final = 26
"""The midnight that the figures of equity are as of, and the hours until the next one is an hour old."""
METHOD: Final = (
    f"The real handler of `get_performance` runs warm on the embedded database. It reads a paper wallet with {LONG:,} "
    f"entries and one with {SHORT:,}, in turn. The first read of each is not measured, because it computes and stores "
    "the totals and the figures of equity. With 100,000 entries a wallet has 1,143 points of equity, and with 1,000 it "
    "has 11. Memory is the largest resident set of a new process that reads once, for each of the two wallets. "
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
    counts = (("entries of the journal", ENTRIES, MOST_READ), ("points of equity", EQUITY, MOST_POINTS))
    reads = [Line(f"{name} read", read[collection], most, "", str(dict(read))) for name, collection, most in counts]
    lines = [times, *reads, memory]
    return Section("Performance", METHOD, lines)
