"""The journal of live wallets: commits entries, and applies those whose projection an interrupted commit left out.

Inserting an entry is the commit. Its ``_id`` contains its number, so of two writers one succeeds and the other decides
again. One ordered bulk write sends the entry and its projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, Final, NamedTuple

from pymongo import InsertOne
from pymongo.errors import ClientBulkWriteException

from moniqo_core.storage.bulk_write import duplicate_of, send_until_answered
from moniqo_core.storage.commit_sending import send_commit
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.journal.entry_codec import ENTRIES_PER_CHECKPOINT, LIVE_ENTRIES, JournalEnd, void_entry
from moniqo_core.storage.live.journal.projection import (
    NEXT_ENTRY,
    REACHED,
    REACHED_AT,
    is_first,
    projection_writes,
    reached_fields,
    reached_write,
)
from moniqo_core.storage.live.live_order_codec import numbered_key
from moniqo_core.storage.rate_counters import Count

ENTRIES_AT_ONCE: Final = 100
_LAST_SEQ: Final = 10**12 - 1
_NEWER: Final = "newer_entries"


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
        self._entries = database[LIVE_ENTRIES]
        self._wallets = database[USER_WALLETS]

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
                    await self._catch_up(entry["user_wallet_id"], 0)
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
        following = {"$lookup": {"from": LIVE_ENTRIES, "localField": NEXT_ENTRY, "foreignField": "_id", "as": _NEWER}}
        # What tells how far the state goes is read before the state.
        pipeline: list[Document] = [{"$match": wallet}, following, *stages]
        while True:
            found = await (await self._wallets.aggregate(pipeline)).to_list()
            if not found:
                return None
            (document,) = found
            if not document.pop(_NEWER):
                reached = document.get(REACHED)
                return Journaled(document, None if reached is None else JournalEnd(reached, document[REACHED_AT]))
            await self._catch_up(wallet["_id"], document[REACHED])

    async def _catch_up(self, user_wallet_id: str, reached: int) -> None:
        """Project the entries after ``reached``, which an interrupted commit left out."""
        numbers = {"$gt": numbered_key(user_wallet_id, reached), "$lte": numbered_key(user_wallet_id, _LAST_SEQ)}
        async for entry in self._entries.find({"_id": numbers}, batch_size=ENTRIES_AT_ONCE).sort("_id", 1):
            writes = projection_writes(self._name, entry)
            try:
                if writes:
                    await self._client.bulk_write(writes, ordered=True)
            except ClientBulkWriteException as error:
                if duplicate_of(error) is None:
                    raise
                # The intent is void: an order of the release before has its number or its client order id.
            behind = {"_id": user_wallet_id, REACHED: {"$not": {"$gte": entry["seq"]}}}
            await self._wallets.update_one(behind, {"$set": reached_fields(entry)})

    async def has_begun(self, user_wallet_id: str) -> bool:
        """Tell whether a wallet has a journal."""
        return await self._entries.find_one({"user_wallet_id": user_wallet_id}, {"_id": 1}) is not None

    async def _is_mine(self, entry: Document) -> bool:
        stored = await self._entries.find_one({"_id": entry["_id"]}, {"commit_id": 1})
        return stored is not None and stored["commit_id"] == entry["commit_id"]
