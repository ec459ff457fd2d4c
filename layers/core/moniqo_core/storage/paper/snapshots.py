"""Snapshots of demo accounts, in the collection ``demo_wallet_state``, read as of the last journal entry.

A snapshot that an interrupted commit left behind is brought forward from the later entries.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from pymongo import ReplaceOne

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.holdings import AccountHoldings
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.client import UNREADABLE_DOCUMENT
from moniqo_core.storage.document import USER_WALLETS, WHOLE_RESULT, Database, Document, later_fields
from moniqo_core.storage.paper.account_codec import read_account, state_document
from moniqo_core.storage.paper.account_values import SNAPSHOT_FIELDS, entry_id, read_holdings
from moniqo_core.storage.paper.entry_codec import APPLIED_FIELDS, apply_entry, checkpoint_document
from moniqo_core.storage.rate_counters import COLLECTION as COUNTERS
from moniqo_core.storage.rate_counters import Count
from moniqo_core.storage.wallets.readable_wallets import read_wallets

log: Final = logging.getLogger("moniqo")

Result = TypeVar("Result")

STATES: Final = "demo_wallet_state"
ENTRIES: Final = "demo_wallet_ledger"
CHECKPOINTS: Final = "demo_wallet_checkpoints"

ENTRIES_PER_CHECKPOINT: Final = 500
"""A checkpoint holds the whole account after every entry whose sequence number is a multiple of this."""
_NEWER_ENTRY: Final = {"$lookup": {"from": ENTRIES, "localField": "next_entry", "foreignField": "_id", "as": "newer"}}
"""The stage that adds the entry that would follow a snapshot. If there is one, the snapshot is behind."""
_LAST_SEQ: Final = 10**12 - 1


class WriteTurn(NamedTuple):
    """The writer that may write next to a busy wallet, and the time until which other writers wait."""

    holder: str
    until: datetime


class LoadedAccount(NamedTuple):
    """An account as of its last journal entry.

    ``behind`` says that the stored snapshot misses entries, so the next commit must write it whole. ``later_fields``
    are those of a later release, which a commit that writes the whole snapshot keeps.
    """

    account: Account
    behind: bool
    turn: WriteTurn | None = None
    later_fields: Mapping[str, object] = MappingProxyType({})


class WalletsWithAccounts(NamedTuple):
    """User wallets, the ids of those that cannot be read, and the accounts of paper wallets by id."""

    wallets: Sequence[UserWallet]
    unreadable: Sequence[str]
    accounts: Mapping[str, LoadedAccount]


def checkpoint_writes(database: str, after: Account, later: Mapping[str, object]) -> list[ReplaceOne[Document]]:
    """Return the write of the checkpoint that is due after the last entry of an account, if one is.

    ``later`` are fields of a later release, which a checkpoint keeps like a whole snapshot. After a crash the
    checkpoint may be missing, and the first reader that needs it writes it.
    """
    if after.seq % ENTRIES_PER_CHECKPOINT:
        return []
    document = checkpoint_document({**later, **state_document(after)})
    return [ReplaceOne({"_id": document["_id"]}, document, upsert=True, namespace=f"{database}.{CHECKPOINTS}")]


async def newest_checkpoint(database: Database, ids: Document, fields: Sequence[str] | None = None) -> Document | None:
    """Return the newest checkpoint with one of these ids whose entry is in the journal, or None. Two round trips.

    One of an entry that is not there was left behind when a backup of the journal was restored. It is deleted. The time
    of the commit tells two entries of one number apart. ``fields`` include it.
    """
    checkpoints = database[CHECKPOINTS]
    while (found := await checkpoints.find_one({"_id": ids}, fields, sort=[("_id", -1)])) is not None:
        at = found["account"]["at"]
        # A condition on the time as well would make the embedded server read all entries.
        entry = await database[ENTRIES].find_one({"_id": found["_id"]}, ["at"])
        if entry is not None and entry["at"] == at:
            return found
        await checkpoints.delete_one({"_id": found["_id"], "account.at": at})
    return None


async def _unless_broken(document: Document, read: Awaitable[Result]) -> Result | None:
    """Await ``read``. If it cannot read ``document``, log this and return None."""
    try:
        return await read
    except UNREADABLE_DOCUMENT:
        log.exception("account cannot be read", extra={"fields": {"user_wallet_id": document["_id"]}})
        return None


class SnapshotReader:
    """Reads the snapshots of one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._states = database[STATES]
        self._entries = database[ENTRIES]
        self._wallets = database[USER_WALLETS]

    async def read(
        self, query: Document, *, skip_broken: bool = False, count: Count | None = None
    ) -> list[LoadedAccount]:
        """Return the accounts of the snapshots that match ``query``.

        Each is read together with the entry that would follow it. If there is one, the snapshot is behind. With
        ``skip_broken``, a document that cannot be read is logged and left out. The counter of ``count`` is read, too.
        """
        pipeline: list[Mapping[str, Any]] = [
            {"$match": query},
            _NEWER_ENTRY,
        ]
        if count is not None:
            pipeline.append(
                {"$lookup": {"from": COUNTERS, "pipeline": [{"$match": {"_id": count.id}}], "as": "counters"}}
            )
        found: list[LoadedAccount] = []
        async for document in await self._states.aggregate(pipeline, batchSize=WHOLE_RESULT):
            if count is not None:
                count.was_read(next(iter(document.pop("counters")), None))
            read = self._loaded(document)
            loaded = await (_unless_broken(document, read) if skip_broken else read)
            if loaded is not None:
                found.append(loaded)
        return found

    async def read_holdings(self, user_wallet_ids: Sequence[str]) -> dict[str, AccountHoldings]:
        """Return what accounts hold by id, without those that are deleted, unknown or cannot be read.

        One round trip. Of a snapshot it decodes only what is returned.
        """
        pipeline: list[Mapping[str, Any]] = [{"$match": {"_id": {"$in": list(user_wallet_ids)}}}, _NEWER_ENTRY]
        found: dict[str, AccountHoldings] = {}
        async for document in await self._states.aggregate(pipeline, batchSize=WHOLE_RESULT):
            held = await _unless_broken(document, self._holdings(document))
            if held is not None:
                found[document["_id"]] = held
        return found

    async def read_with_wallets(self, query: Document) -> WalletsWithAccounts:
        """Return the user wallets that match ``query``, with the accounts of those that are paper wallets.

        An account that cannot be read is logged and left out.
        """
        pipeline: list[Mapping[str, Any]] = [
            {"$match": query},
            {"$lookup": {"from": STATES, "localField": "_id", "foreignField": "_id", "as": "account"}},
            {"$set": {"account": {"$arrayElemAt": ["$account", 0]}}},
            {"$lookup": {"from": ENTRIES, "localField": "account.next_entry", "foreignField": "_id", "as": "newer"}},
        ]
        documents: list[Document] = []
        accounts: dict[str, LoadedAccount] = {}
        async for document in await self._wallets.aggregate(pipeline, batchSize=WHOLE_RESULT):
            documents.append(document)
            newer, snapshot = document.pop("newer"), document.pop("account", None)
            if snapshot:
                current = {**snapshot, "newer": newer}
                loaded = await _unless_broken(current, self._loaded(current))
                if loaded is not None:
                    accounts[document["_id"]] = loaded
        return WalletsWithAccounts(*read_wallets(documents), accounts)

    async def _holdings(self, document: Document) -> AccountHoldings | None:
        await self._bring_forward_if_behind(document)
        return None if document["deleted"] else read_holdings(document)

    async def _loaded(self, document: Document) -> LoadedAccount:
        behind = await self._bring_forward_if_behind(document)
        turn = document.get("turn")
        return LoadedAccount(
            read_account(document),
            behind,
            WriteTurn(*turn) if turn else None,
            later_fields(document, SNAPSHOT_FIELDS),
        )

    async def _bring_forward_if_behind(self, document: Document) -> bool:
        behind = bool(document.pop("newer"))
        if behind:
            await self._bring_forward(document)
        return behind

    async def _bring_forward(self, document: Document) -> None:
        while await self._apply_newer(document) == ENTRIES_PER_CHECKPOINT:
            # It is far behind, like a snapshot from a backup, and goes on from the newest checkpoint.
            newer = {"$gt": entry_id(document["_id"], document["seq"]), "$lte": entry_id(document["_id"], _LAST_SEQ)}
            checkpoint = await newest_checkpoint(self._database, newer)
            if checkpoint is not None:
                apply_entry(document, checkpoint)

    async def _apply_newer(self, document: Document) -> int:
        """Apply the next entries, and return how many there were. More than 500 take several calls."""
        newer = {"user_wallet_id": document["_id"], "seq": {"$gt": document["seq"]}}
        found = self._entries.find(newer, list(APPLIED_FIELDS), batch_size=WHOLE_RESULT)
        entries = await found.sort("seq", 1).limit(ENTRIES_PER_CHECKPOINT).to_list()
        for entry in entries:
            apply_entry(document, entry)
        return len(entries)
