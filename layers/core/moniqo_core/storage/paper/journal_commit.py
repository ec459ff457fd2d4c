"""The journal of demo wallets: loads the current account, and commits the next entry.

Inserting an entry is the commit. Its ``_id`` contains the sequence number, so of two writers one succeeds and the other
decides again. A partial unique index rejects a repeated ``client_order_id``. One ordered bulk write sends the entry,
the snapshot, the projection and at times a checkpoint. A snapshot that was left behind is rebuilt from later entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum, auto
from functools import partial
from os import urandom
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import ClientBulkWriteException

from moniqo_core.domain.errors import ConflictError, TemporarilyUnavailableError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.storage.bulk_write import duplicate_of, send_until_answered
from moniqo_core.storage.commit_sending import send_commit
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.commit_writes import commit_writes
from moniqo_core.storage.paper.entry_codec import entry_document, opening_commit_id
from moniqo_core.storage.paper.snapshots import (
    ENTRIES,
    ENTRIES_PER_CHECKPOINT,
    STATES,
    LoadedAccount,
    SnapshotReader,
    WalletsWithAccounts,
    WriteTurn,
)
from moniqo_core.storage.rate_counters import Count
from moniqo_core.storage.wallets.due_wallets import leased_by


class CommitOutcome(Enum):
    """The result of a commit."""

    DONE = auto()
    OVERTAKEN = auto()
    """Another writer took the sequence number. Read and decide again."""
    REPEATED = auto()
    """The client order id was accepted before."""
    REFUSED = auto()
    """The limit of the count is reached."""


class DemoJournal:
    """The collections of demo wallets in one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._snapshots = SnapshotReader(database)
        self._states = database[STATES]
        self._entries = database[ENTRIES]

    async def load(self, user_wallet_id: str, owner: str | None, count: Count | None = None) -> LoadedAccount | None:
        """Return the current account, or None. With ``owner``, only that user's account is found. One round trip.

        The same read tells ``count`` whether its limit is reached.
        """
        query: Document = {"_id": user_wallet_id} if owner is None else {"_id": user_wallet_id, "user_id": owner}
        return next(iter(await self._snapshots.read(query, count=count)), None)

    async def load_many(self, user_wallet_ids: Sequence[str]) -> dict[str, LoadedAccount]:
        """Return the current accounts of many wallets by id, without unreadable ones. One round trip."""
        found = await self._snapshots.read({"_id": {"$in": list(user_wallet_ids)}}, skip_broken=True)
        return {loaded.account.user_wallet_id: loaded for loaded in found}

    async def load_leased(self, user_wallet_ids: Iterable[str], token: str) -> WalletsWithAccounts:
        """Return those of these user wallets that the holder of ``token`` has leased. One round trip."""
        return await self._snapshots.read_with_wallets(leased_by(user_wallet_ids, token))

    async def claim_turn(self, user_wallet_id: str, turn: WriteTurn, now: datetime) -> None:
        """Claim the next write to a wallet, unless another claim is still valid. The next read tells who holds it."""
        free = {"_id": user_wallet_id, "$or": [{"turn": None}, {"turn.1": {"$lte": now}}]}
        await self._states.update_one(free, {"$set": {"turn": list(turn)}})

    async def open(self, commit: Commit, projection: Document | None) -> None:
        """Write the first entry, the snapshot and the user wallet.

        Raises:
            ConflictError: the first entry exists. If the same request wrote it but was interrupted, its missing
                documents are written before this is raised.

        """
        state = state_document(commit.after)
        opening = opening_commit_id(state, projection)
        models = [self._insert(ENTRIES, entry_document(commit, opening)), self._insert(STATES, state)]
        if projection is not None:
            models.append(self._insert(USER_WALLETS, projection))
        if await send_until_answered(self._database.client, models) is None:
            return
        if await self._is_mine(commit.after, opening):
            await self._complete({STATES: state} if projection is None else {STATES: state, USER_WALLETS: projection})
        raise ConflictError("The wallet already exists.")

    async def _complete(self, documents: Mapping[str, Document]) -> None:
        """Insert the documents that are missing."""
        models = [
            UpdateOne(
                {"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True, namespace=self._name(collection)
            )
            for collection, document in documents.items()
        ]
        try:
            await self._database.client.bulk_write(models, ordered=False)
        except ClientBulkWriteException as error:
            if duplicate_of(error) is None:
                raise

    async def commit(
        self,
        commit: Commit,
        loaded: LoadedAccount,
        projection: Mapping[str, object] | None = None,
        groups: Mapping[str, Mapping[str, object]] | None = None,
        count: Count | None = None,
    ) -> CommitOutcome:
        """Try to make ``commit`` the next entry of its wallet.

        Args:
            commit: The decision to store.
            loaded: The account that it was decided on.
            projection: Attributes of the user wallet to set in the same write.
            groups: Groups of attributes of the user wallet. A group is set unless a later commit has already set it.
                Its key is the field that keeps the number of that commit.
            count: Counts the command, unless an earlier attempt has taken it. The entry is only stored below the limit.

        Raises:
            TemporarilyUnavailableError: the outcome is unknown. The entry was stored as a whole or not at all.

        """
        commit_id = urandom(16).hex()
        after = commit.after
        models = commit_writes(self._database.name, commit, commit_id, loaded, projection or {}, groups or {})
        duplicate = await send_commit(
            self._database.client, models, commit_id, partial(self._is_mine, after, commit_id), count
        )
        if duplicate is None:
            return CommitOutcome.DONE
        if count is not None and count.is_refused:
            return CommitOutcome.REFUSED
        # A write that was sent twice finds its own entry, which it recognizes by the commit id.
        if await self._is_mine(after, commit_id):
            # The entry is the commit. If the server failed right after it, the other writes are missing.
            with suppress(TemporarilyUnavailableError):
                await send_until_answered(self._database.client, models[1:])
            return CommitOutcome.DONE
        return CommitOutcome.OVERTAKEN if "_id" in duplicate.key else CommitOutcome.REPEATED

    async def follow_with_totals(self, after: Account) -> None:
        """Bring totals and figures of equity forward with every checkpoint. The commit stands, so this never fails."""
        if after.seq % ENTRIES_PER_CHECKPOINT == 0:
            from moniqo_core.storage.paper.totals.upkeep import follow_commit

            await follow_commit(self._database, after)

    async def _is_mine(self, after: Account, commit_id: str) -> bool:
        entry = await self._entries.find_one({"_id": entry_id(after.user_wallet_id, after.seq)}, {"commit_id": 1})
        return entry is not None and entry["commit_id"] == commit_id

    def _insert(self, collection: str, document: Document) -> Any:
        return InsertOne(document, namespace=self._name(collection))

    def _name(self, collection: str) -> str:
        return f"{self._database.name}.{collection}"
