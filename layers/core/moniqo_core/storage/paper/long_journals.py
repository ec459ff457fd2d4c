"""Finds the journals that are long enough for a checkpoint, which migrations go through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.snapshots import ENTRIES_PER_CHECKPOINT, STATES

_PAGE: Final = 100


class LongJournal(NamedTuple):
    """A wallet with a long journal, and the number of its last entry."""

    user_wallet_id: str
    seq: int


async def long_journal_count(database: Database) -> int:
    """Return the number of wallets with long journals."""
    return await database[STATES].count_documents({"seq": {"$gte": ENTRIES_PER_CHECKPOINT}})


async def long_journals(database: Database) -> AsyncIterator[LongJournal]:
    """Yield the wallets with long journals. They are read in pages, because a cursor expires."""
    last = ""
    while True:
        query = {"_id": {"$gt": last}, "seq": {"$gte": ENTRIES_PER_CHECKPOINT}}
        states = await database[STATES].find(query, ["seq"]).sort("_id", 1).limit(_PAGE).to_list()
        if not states:
            return
        for state in states:
            yield LongJournal(state["_id"], state["seq"])
        last = states[-1]["_id"]
