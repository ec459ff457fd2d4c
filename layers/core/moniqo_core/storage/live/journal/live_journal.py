"""The journals of live wallets: commits entries, and reads wallets as of their last entry.

Inserting an entry is the commit. Its ``_id`` contains its number, so of two writers one succeeds and the other decides
again. One ordered bulk write sends the entry and its projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, Final, NamedTuple

from pymongo import InsertOne

from moniqo_core.storage.bulk_write import send_until_answered
from moniqo_core.storage.commit_sending import send_commit
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.journal.catching_up import catch_up
from moniqo_core.storage.live.journal.entry_codec import ENTRIES_PER_CHECKPOINT, JournalEnd, void_entry
from moniqo_core.storage.live.journal.entry_ids import FIRST_ENTRY, LIVE_ENTRIES, NEXT_ENTRY
from moniqo_core.storage.live.journal.projection import (
    REACHED,
    REACHED_AT,
    is_first,
    projection_writes,
    reached_write,
)
from moniqo_core.storage.rate_counters import Count

_NEWER: Final = "newer_entries"
_LOOK_UP_NEXT: Final[Sequence[Document]] = (
    {"$set": {_NEWER: {"$ifNull": [f"${NEXT_ENTRY}", {"$concat": ["$_id", FIRST_ENTRY]}]}}},
    {"$lookup": {"from": LIVE_ENTRIES, "localField": _NEWER, "foreignField": "_id", "as": _NEWER}},
)


class CommitOutcome(Enum):
    """The result of a commit."""

    DONE = auto()
    OVERTAKEN = auto()
    """Another writer took the number of the entry. Read and decide again."""
    REPEATED = auto()
    """Another order already has the client order id."""
    REFUSED = auto()
    """The limit of the count is reached."""


class Journaled(NamedTuple):
    """The document of a user wallet, and the last entry of its journal. None before the journal begins."""

    wallet: Document
    end: JournalEnd | None


class LiveJournal:
    """The journals of the live wallets of one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._client = database.client
        self._name = database.name
        self._wallets = database[USER_WALLETS]
        self._entries = database[LIVE_ENTRIES]

    async def commit(self, entry: Document, others: Sequence[Any] = (), count: Count | None = None) -> CommitOutcome:
        """Try to add an entry to the journal of its wallet.

        Args:
            entry: The entry. Its number follows the last one that its writer has read.
            others: Further writes, which may be lost.
            count: Counts the command, unless an earlier attempt has taken it. The entry is only stored below the limit.

        Raises:
            TemporarilyUnavailableError: the outcome is unknown. The entry was stored as a whole or not at all.

        """
        projection = [*projection_writes(self._name, entry), reached_write(self._name, entry), *others]
        models = [InsertOne(entry, namespace=f"{self._name}.{LIVE_ENTRIES}"), *projection]
        mine = partial(self._is_mine, entry)
        duplicate = await send_commit(self._client, models, entry["commit_id"], mine, count)
        if duplicate is None:
            return await self._done(entry)
        if count is not None and count.is_refused:
            return CommitOutcome.REFUSED
        if duplicate.place == 0:
            if not await self._is_mine(entry):
                if is_first(entry):
                    # The wallet does not name its journal yet, so its next reader would not find the entry either.
                    await catch_up(self._database, {"_id": entry["user_wallet_id"]})
                return CommitOutcome.OVERTAKEN
            # A write that was sent twice finds its own entry. Its projection may be missing.
            duplicate = await send_until_answered(self._client, projection)
            if duplicate is None:
                return await self._done(entry)
        number = entry["seq"] + 1
        while await self.commit(void_entry(entry, number)) is CommitOutcome.OVERTAKEN:
            number += 1
        return CommitOutcome.REPEATED if "client_order_id" in duplicate.key else CommitOutcome.OVERTAKEN

    async def _done(self, entry: Document) -> CommitOutcome:
        if entry["seq"] % ENTRIES_PER_CHECKPOINT == 0:
            # Only one in 500 commits needs them.
            from moniqo_core.storage.live.journal.checkpoints import LiveCheckpoints

            await LiveCheckpoints(self._database).write(entry)
        return CommitOutcome.DONE

    async def read(self, wallet: Document, stages: Sequence[Document] = ()) -> Journaled | None:
        """Return a user wallet with what ``stages`` add to it, as of the last entry of its journal.

        It takes one round trip, or more if an interrupted commit left the journal ahead of its projection.

        Args:
            wallet: The condition on the wallet, with its ``_id``.
            stages: Stages of an aggregation on user wallets.

        """
        # What tells how far the state goes is read before the state.
        pipeline: list[Document] = [{"$match": wallet}, *_LOOK_UP_NEXT, *stages]
        while True:
            found = await (await self._wallets.aggregate(pipeline)).to_list()
            if not found:
                return None
            (document,) = found
            if not document.pop(_NEWER):
                reached = document.get(REACHED)
                return Journaled(document, None if reached is None else JournalEnd(reached, document[REACHED_AT]))
            await catch_up(self._database, document)

    async def has_begun(self, user_wallet_id: str) -> bool:
        """Tell whether a wallet has a journal."""
        return await self._entries.find_one({"user_wallet_id": user_wallet_id}, {"_id": 1}) is not None

    async def _is_mine(self, entry: Document) -> bool:
        stored = await self._entries.find_one({"_id": entry["_id"]}, {"commit_id": 1})
        return stored is not None and stored["commit_id"] == entry["commit_id"]
