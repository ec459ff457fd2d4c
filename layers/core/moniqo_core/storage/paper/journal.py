"""The journal of demo wallets and its snapshots: the present account, and its next entry.

Inserting an entry is the commit. Its ``_id`` carries the sequence number, so of two writers one wins and the other
decides again; a partial unique index makes a repeated ``client_order_id`` impossible. Entry, snapshot and the mirrored
fields of the user wallet go to the server in one ordered bulk write; a snapshot left behind is rebuilt from the tail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import ClientBulkWriteException

from moniqo_core.domain.errors import ConflictError, TemporarilyUnavailableError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.storage.bulk_write import duplicate_key, send_until_answered
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.equity_points import point_inserts
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.entry_codec import begins_epoch, entry_document, snapshot_update
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES, LoadedAccount, SnapshotReader, WriteTurn
from moniqo_core.storage.wallets.user_wallet_codec import stored_fields

USER_WALLETS: Final = "user_wallets"


class CommitOutcome(Enum):
    """What became of a commit."""

    DONE = auto()
    OVERTAKEN = auto()
    """Another writer took the sequence number: read again and decide again."""
    REPEATED = auto()
    """The client order id was accepted before."""


class DemoJournal:
    """The collections of demo wallets in one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``; nothing is read yet."""
        self._database = database
        self._snapshots = SnapshotReader(database)
        self._states = database[STATES]
        self._entries = database[ENTRIES]

    async def load(self, user_wallet_id: str, owner: str | None) -> LoadedAccount | None:
        """Read the present account; with ``owner`` only when it is that user's. One round trip."""
        query: Document = {"_id": user_wallet_id} if owner is None else {"_id": user_wallet_id, "user_id": owner}
        return next(iter(await self._snapshots.read(query)), None)

    async def load_many(self, user_wallet_ids: Sequence[str]) -> dict[str, LoadedAccount]:
        """Read the present accounts of many wallets; one that cannot be read is missing. One round trip."""
        found = await self._snapshots.read({"_id": {"$in": list(user_wallet_ids)}}, skip_broken=True)
        return {loaded.account.user_wallet_id: loaded for loaded in found}

    async def claim_turn(self, user_wallet_id: str, turn: WriteTurn, now: datetime) -> None:
        """Ask for a turn; it is not given while somebody else's lasts. The next read tells whose it is."""
        free = {"_id": user_wallet_id, "$or": [{"turn": None}, {"turn.1": {"$lte": now}}]}
        await self._states.update_one(free, {"$set": {"turn": list(turn)}})

    async def open(self, commit: Commit, projection: Document | None) -> None:
        """Write the first entry, the snapshot and the user's wallet.

        Raises:
            ConflictError: the first entry exists. When it was written by the same request, cut short or still on its
                way, what it did not write is there afterwards.

        """
        state = state_document(commit.after)
        opening = _opening_id(state, projection)
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
        *,
        whole: bool = False,
        ends_turn: bool = False,
    ) -> CommitOutcome:
        """Try to make ``commit`` the next entry of its wallet.

        Args:
            commit: What was decided.
            projection: Attributes of the user wallet to set in the same write.
            whole: Write the whole snapshot, because the stored one is behind.
            ends_turn: Take away the turn somebody claimed: it is used, or nobody waited for it.

        Raises:
            TemporarilyUnavailableError: the outcome could not be learned; the entry stands or does not, never half.

        """
        commit_id = uuid4().hex
        whole = whole or begins_epoch(commit)
        after = commit.after
        entry = entry_document(commit, commit_id)
        models: list[Any] = [
            self._insert(ENTRIES, entry),
            self._whole_snapshot(after) if whole else self._changed_snapshot(entry, ends_turn=ends_turn),
        ]
        if projection:
            fields = stored_fields({**projection, "journal_seq": after.seq})
            models.append(
                UpdateOne({"_id": after.user_wallet_id}, {"$set": fields}, namespace=self._name(USER_WALLETS))
            )
        # Last: two evaluations may insert one point at the same moment, and what follows a duplicate is not written.
        models += self._samples(commit)
        duplicate = await send_until_answered(self._database.client, models)
        if duplicate is None:
            return CommitOutcome.DONE
        # A write that was sent twice finds its own entry: whose it is, the commit id tells.
        if await self._is_mine(after, commit_id):
            # The entry is the commit. A server that died right after it has not written what goes with it.
            with suppress(TemporarilyUnavailableError):
                await send_until_answered(self._database.client, models[1:])
            return CommitOutcome.DONE
        return CommitOutcome.OVERTAKEN if "_id" in duplicate else CommitOutcome.REPEATED

    def _samples(self, commit: Commit) -> list[UpdateOne]:
        after = commit.after
        # What a reset passed on its way belongs to the epoch it ended.
        epoch = after.epoch - isinstance(commit.command, ResetAccount)
        return point_inserts(self._database.name, after.user_wallet_id, epoch, commit.samples)

    async def _is_mine(self, after: Account, commit_id: str) -> bool:
        entry = await self._entries.find_one({"_id": entry_id(after.user_wallet_id, after.seq)}, {"commit_id": 1})
        return entry is not None and entry["commit_id"] == commit_id

    def _whole_snapshot(self, after: Account) -> Any:
        behind = {"_id": after.user_wallet_id, "seq": {"$lt": after.seq}}
        return ReplaceOne(behind, state_document(after), namespace=self._name(STATES))

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


def _opening_id(state: Document, projection: Document | None) -> str:
    """Return the commit id of an opening: the same for a request that is sent again."""
    request = [state["terms"], projection.get("request_hash") if projection else None]
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
