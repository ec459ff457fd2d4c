"""Checkpoints of the journals of live wallets, in ``live_wallet_checkpoints``: the account after every 500th entry.

A reader of an account begins at the nearest checkpoint. It only repeats what the entries say, so a missing one makes a
reader slower, and it is the same whoever writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from pymongo import ReplaceOne
from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.portfolio.position_records import PositionRecord
from moniqo_core.storage.client import UNREADABLE_DOCUMENT, DatabaseError
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.live.journal.account import (
    LiveAccount,
    after_entry,
    checkpoint_document,
    closed_position_document,
    read_checkpoint,
)
from moniqo_core.storage.live.journal.entry_codec import ENTRIES_PER_CHECKPOINT
from moniqo_core.storage.live.journal.entry_ids import LIVE_ENTRIES
from moniqo_core.storage.live.live_order_codec import numbered_key

log: Final = logging.getLogger("moniqo")

LIVE_CHECKPOINTS: Final = "live_wallet_checkpoints"
CLOSED_POSITIONS: Final = "live_wallet_positions"
"""Records of the positions that were closed up to the newest checkpoint. Their ids have the entry that closed them."""


class LiveCheckpoints:
    """Reads accounts of live wallets as of an entry, and writes checkpoints."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._entries = database[LIVE_ENTRIES]
        self._checkpoints = database[LIVE_CHECKPOINTS]
        self._closed = database[CLOSED_POSITIONS]

    async def as_of(self, user_wallet_id: str, seq: int) -> LiveAccount | None:
        """Return the account after entry ``seq``, or None if the journal has no such entry. Two round trips.

        It reads one checkpoint and at most 499 entries, or more if checkpoints are missing.
        """
        account = await self._nearest(user_wallet_id, seq)
        newer = {"user_wallet_id": user_wallet_id, "seq": {"$gt": account.seq if account else 0, "$lte": seq}}
        async for entry in self._entries.find(newer, batch_size=ENTRIES_PER_CHECKPOINT).sort("seq", 1):
            account = after_entry(account, entry)
        return account if account is not None and account.seq == seq else None

    async def write(self, entry: Document) -> None:
        """Write the checkpoint of an entry. A failure is logged, and makes readers slower."""
        wallet = entry["user_wallet_id"]
        try:
            account = await self.as_of(wallet, entry["seq"])
            if account is not None:
                await self._write_closed(wallet, account.totals.records.closed)
                document = checkpoint_document(wallet, account)
                await self._checkpoints.replace_one({"_id": document["_id"]}, document, upsert=True)
        except DuplicateKeyError:
            return  # another process wrote the same meanwhile
        except (DatabaseError, *UNREADABLE_DOCUMENT):
            log.exception("checkpoint is not stored", extra={"fields": {"user_wallet_id": wallet, "seq": entry["seq"]}})

    async def _write_closed(self, user_wallet_id: str, records: Sequence[PositionRecord]) -> None:
        """Write the records of positions that were closed since the checkpoint before."""
        documents = [closed_position_document(user_wallet_id, record) for record in records]
        if documents:
            writes = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
            await self._closed.bulk_write(writes, ordered=False)

    async def stored_positions(self, ids: Sequence[str]) -> dict[str, Document]:
        """Return the stored records of closed positions that have one of these ids."""
        return {document["_id"]: document async for document in self._closed.find({"_id": {"$in": ids}})}

    async def stored(self, user_wallet_id: str, seq: int) -> Document | None:
        """Return the stored checkpoint of entry ``seq``, if there is one."""
        return await self._checkpoints.find_one({"_id": numbered_key(user_wallet_id, seq)})

    async def _nearest(self, user_wallet_id: str, seq: int) -> LiveAccount | None:
        """Return the account of the newest checkpoint up to entry ``seq`` whose commit is in the journal."""
        ids = {"$gt": numbered_key(user_wallet_id, 0), "$lte": numbered_key(user_wallet_id, seq)}
        async for document in self._checkpoints.find({"_id": ids}, batch_size=1).sort("_id", -1):
            entry = await self._entries.find_one({"_id": document["_id"]}, ["commit_id"])
            if entry is not None and entry["commit_id"] == document["commit_id"]:
                return read_checkpoint(document)
            # It was left by a journal that a restored backup has replaced.
        return None
