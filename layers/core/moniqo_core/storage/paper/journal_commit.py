"""The journal of demo wallets: loads the current account, and commits the next entry.

Inserting an entry is the commit. Its ``_id`` contains the sequence number, so of two writers one succeeds and the other
decides again. A partial unique index rejects a repeated ``client_order_id``. One ordered bulk write sends the entry,
the snapshot, the projection and at times a checkpoint. A snapshot that was left behind is rebuilt from later entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum, auto
from os import urandom
from types import MappingProxyType
from typing import Any, Final

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import ClientBulkWriteException

from moniqo_core.domain.errors import ConflictError, TemporarilyUnavailableError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.storage.bulk_write import duplicate_key, send_until_answered
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.equity_points import point_inserts
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.entry_codec import begins_epoch, entry_document, opening_commit_id, snapshot_update
from moniqo_core.storage.paper.snapshots import (
    ENTRIES,
    ENTRIES_PER_CHECKPOINT,
    STATES,
    LoadedAccount,
    SnapshotReader,
    WriteTurn,
    checkpoint_writes,
)
from moniqo_core.storage.wallets.user_wallet_codec import stored_fields

_ONLY_FORWARD: Final = ("mirror_seq", "last_used_at")
"""Stored fields of a user wallet that the write of an earlier commit never sets back."""


class CommitOutcome(Enum):
    """The result of a commit."""

    DONE = auto()
    OVERTAKEN = auto()
    """Another writer took the sequence number. Read and decide again."""
    REPEATED = auto()
    """The client order id was accepted before."""


class DemoJournal:
    """The collections of demo wallets in one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._snapshots = SnapshotReader(database)
        self._states = database[STATES]
        self._entries = database[ENTRIES]

    async def load(self, user_wallet_id: str, owner: str | None) -> LoadedAccount | None:
        """Return the current account, or None. With ``owner``, only that user's account is found. One round trip."""
        query: Document = {"_id": user_wallet_id} if owner is None else {"_id": user_wallet_id, "user_id": owner}
        return next(iter(await self._snapshots.read(query)), None)

    async def load_many(self, user_wallet_ids: Sequence[str]) -> dict[str, LoadedAccount]:
        """Return the current accounts of many wallets by id, without unreadable ones. One round trip."""
        found = await self._snapshots.read({"_id": {"$in": list(user_wallet_ids)}}, skip_broken=True)
        return {loaded.account.user_wallet_id: loaded for loaded in found}

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
            if not duplicate_key(error):
                raise

    async def commit(
        self,
        commit: Commit,
        projection: Mapping[str, object] | None = None,
        groups: Mapping[str, Mapping[str, object]] | None = None,
        *,
        whole: bool = False,
        ends_turn: bool = False,
        later_fields: Mapping[str, object] = MappingProxyType({}),
    ) -> CommitOutcome:
        """Try to make ``commit`` the next entry of its wallet.

        Args:
            commit: The decision to store.
            projection: Attributes of the user wallet to set in the same write.
            groups: Groups of attributes of the user wallet. A group is set unless a later commit has already set it.
                Its key is the field that keeps the number of that commit.
            whole: Write the whole snapshot, because the stored one is behind.
            ends_turn: Remove the claimed turn, because it is used or no longer needed.
            later_fields: Fields of a later release, which a whole snapshot keeps.

        Raises:
            TemporarilyUnavailableError: the outcome is unknown. The entry was stored as a whole or not at all.

        """
        commit_id = urandom(16).hex()
        whole = whole or begins_epoch(commit)
        after = commit.after
        entry = entry_document(commit, commit_id)
        models: list[Any] = [
            self._insert(ENTRIES, entry),
            self._whole_snapshot(after, later_fields) if whole else self._changed_snapshot(entry, ends_turn=ends_turn),
        ]
        if projection or groups:
            models.append(self._projected({}, {**(projection or {}), "journal_seq": after.seq}, after))
        for name, fields in (groups or {}).items():
            not_later = {name: {"$not": {"$gte": after.seq}}}
            models.append(self._projected(not_later, {**fields, name: after.seq}, after))
        models += checkpoint_writes(self._database.name, after, later_fields)
        # Points come last. Two evaluations may insert the same point, and an ordered write stops at a duplicate.
        models += self._samples(commit)
        duplicate = await send_until_answered(self._database.client, models)
        if duplicate is None:
            return CommitOutcome.DONE
        # A write that was sent twice finds its own entry, which it recognizes by the commit id.
        if await self._is_mine(after, commit_id):
            # The entry is the commit. If the server failed right after it, the other writes are missing.
            with suppress(TemporarilyUnavailableError):
                await send_until_answered(self._database.client, models[1:])
            return CommitOutcome.DONE
        return CommitOutcome.OVERTAKEN if "_id" in duplicate else CommitOutcome.REPEATED

    async def follow_with_totals(self, after: Account) -> None:
        """Bring the totals forward with every checkpoint. The commit stands, so this never fails."""
        if after.seq % ENTRIES_PER_CHECKPOINT == 0:
            from moniqo_core.storage.paper.totals.journal_totals import JournalTotals

            await JournalTotals(self._database).follow_commit(after.user_wallet_id, after.seq)

    def _projected(self, condition: Document, fields: Mapping[str, object], after: Account) -> UpdateOne:
        wanted = {"_id": after.user_wallet_id, **condition}
        values = stored_fields(fields)
        newest = {name: values.pop(name) for name in _ONLY_FORWARD if name in values}
        update = {"$set": values, "$max": newest}
        changes = {operator: given for operator, given in update.items() if given}
        return UpdateOne(wanted, changes, namespace=self._name(USER_WALLETS))

    def _samples(self, commit: Commit) -> list[UpdateOne]:
        after = commit.after
        # The points of a reset belong to the epoch that it ended.
        epoch = after.epoch - isinstance(commit.command, ResetAccount)
        return point_inserts(self._database.name, after.user_wallet_id, epoch, commit.samples)

    async def _is_mine(self, after: Account, commit_id: str) -> bool:
        entry = await self._entries.find_one({"_id": entry_id(after.user_wallet_id, after.seq)}, {"commit_id": 1})
        return entry is not None and entry["commit_id"] == commit_id

    def _whole_snapshot(self, after: Account, later: Mapping[str, object]) -> Any:
        behind = {"_id": after.user_wallet_id, "seq": {"$lt": after.seq}}
        return ReplaceOne(behind, {**later, **state_document(after)}, namespace=self._name(STATES))

    def _changed_snapshot(self, entry: Document, *, ends_turn: bool) -> Any:
        update = snapshot_update(entry)
        if ends_turn:
            update["$unset"] = {**update.get("$unset", {}), "turn": ""}
        before = {"_id": entry["user_wallet_id"], "seq": entry["seq"] - 1}
        return UpdateOne(before, update, namespace=self._name(STATES))

    def _insert(self, collection: str, document: Document) -> Any:
        return InsertOne(document, namespace=self._name(collection))

    def _name(self, collection: str) -> str:
        return f"{self._database.name}.{collection}"
