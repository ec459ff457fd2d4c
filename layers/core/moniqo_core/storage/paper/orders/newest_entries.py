"""Reads the entries of a journal that a list shows, newest first, whatever the length of the journal.

The numbers of entries have no gaps, so every read names the numbers that it covers. A server that reads all candidates
of a query before it counts them reads no more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from moniqo_core.storage.document import Document
from moniqo_core.storage.paper.history import DemoHistory

Item = TypeVar("Item")

FEWEST: Final = 200
"""The numbers that a read covers at least."""
_GROWTH: Final = 8
"""How many times as many numbers a read covers at most, compared with the one before."""
MOST: Final = 2_000
"""Entries that one read returns at most."""
FIRST_WITH_ORDERS: Final = 2
"""The first entry opens the account."""


class Listed(NamedTuple):
    """What a list reads of an entry.

    ``equal`` is a condition for :meth:`~moniqo_core.storage.paper.history.DemoHistory.between`. ``since`` ends the list
    at the first entry that is older.
    """

    fields: Sequence[str]
    equal: Mapping[str, str]
    since: datetime | None = None


async def newest_items(
    history: DemoHistory,
    user_wallet_id: str,
    below: int,
    listed: Listed,
    items_of: Callable[[Document], Sequence[Item]],
    limit: int,
) -> list[Item]:
    """Return at least ``limit`` items of the entries below a number, newest first, or all that there are.

    A read that finds few items is followed by one that covers more numbers. So a list of rare items takes few reads,
    and what a read returns depends on the number of items that are wanted, not on the length of the journal.
    """
    found: list[Item] = []
    size = max(FEWEST, limit)
    while below > FIRST_WITH_ORDERS and len(found) < limit:
        # Without a condition, every number is an entry that is returned.
        begin = max(below - (size if listed.equal else min(size, MOST)), FIRST_WITH_ORDERS)
        entries = await history.between(user_wallet_id, range(begin, below), listed.equal, MOST, listed.fields)
        before = len(found)
        for entry in entries:
            found += items_of(entry)
        if listed.since is not None and entries and entries[-1]["at"] < listed.since:
            break
        below = begin if len(entries) < MOST else entries[-1]["seq"]
        size = next_size(size, len(found) - before, limit - len(found))
    return found


def next_size(size: int, found: int, missing: int) -> int:
    """Return how many numbers hold the missing items and half as many more, if those just read are typical."""
    most = size * _GROWTH
    return min(max(size * missing * 3 // (found * 2), FEWEST), most) if found else most
