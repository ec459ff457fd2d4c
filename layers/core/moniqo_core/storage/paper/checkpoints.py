"""Checkpoints: the whole account after every 500th entry of a journal, in ``demo_wallet_checkpoints``.

A reader of an earlier account begins at the nearest checkpoint and not at the first entry. A checkpoint only repeats
what the entries say, so a missing one can be written at any time, and it is the same whoever writes it.
"""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from moniqo_core.storage.document import Database, Document, later_fields
from moniqo_core.storage.paper.account_codec import read_account, state_document
from moniqo_core.storage.paper.account_values import SNAPSHOT_FIELDS, entry_id
from moniqo_core.storage.paper.entry_codec import APPLIED_FIELDS, apply_entry, checkpoint_document
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES, ENTRIES_PER_CHECKPOINT, newest_checkpoint


class Checkpoints:
    """Reads earlier accounts of one database, and writes the checkpoints that are missing."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._entries = database[ENTRIES]
        self._checkpoints = database[CHECKPOINTS]

    async def snapshot_at(self, user_wallet_id: str, seq: int) -> Document | None:
        """Return the snapshot as it was after entry ``seq``. Three round trips.

        It reads one checkpoint and at most 499 entries, or more if checkpoints are missing. Returns None if the entry,
        or an earlier one that is needed, does not exist.
        """
        state: Document = {}
        checkpoint = await newest_checkpoint(self._database, _ids(user_wallet_id, seq))
        if checkpoint is not None:
            apply_entry(state, checkpoint)
        reached: int = state.get("seq", 0)
        newer = {"user_wallet_id": user_wallet_id, "seq": {"$gt": reached, "$lte": seq}}
        found = self._entries.find(newer, list(APPLIED_FIELDS), batch_size=ENTRIES_PER_CHECKPOINT)
        async for entry in found.sort("seq", 1):
            if entry["seq"] != reached + 1:
                return None
            apply_entry(state, entry)
            reached = entry["seq"]
        return state if reached == seq > 0 else None

    async def complete(self, user_wallet_id: str, through: int) -> bool:
        """Write the checkpoints that are missing between the nearest one and entry ``through``.

        Each is stored as soon as it is made, so an interrupted call is not lost. Two round trips if none is missing.
        Returns False if it stopped because an entry does not exist.
        """
        due = through - through % ENTRIES_PER_CHECKPOINT
        if not due:
            return True
        nearest = await newest_checkpoint(self._database, _ids(user_wallet_id, due), ("seq", "account.at"))
        reached = nearest["seq"] if nearest else 0
        for seq in range(reached + ENTRIES_PER_CHECKPOINT, due + 1, ENTRIES_PER_CHECKPOINT):
            state = await self.snapshot_at(user_wallet_id, seq)
            if state is None:
                return False
            await self._write(state)
        return True

    async def missing(self, user_wallet_id: str, through: int) -> list[int]:
        """Return the sequence numbers up to ``through`` whose checkpoints are missing. One round trip."""
        found = self._checkpoints.find({"_id": _ids(user_wallet_id, through)}, ["seq"])
        there = {checkpoint["seq"] async for checkpoint in found}
        return [seq for seq in range(ENTRIES_PER_CHECKPOINT, through + 1, ENTRIES_PER_CHECKPOINT) if seq not in there]

    async def _write(self, state: Document) -> None:
        later = later_fields(state, SNAPSHOT_FIELDS)
        checkpoint = checkpoint_document({**later, **state_document(read_account(state))})
        try:
            await self._checkpoints.insert_one(checkpoint)
        except DuplicateKeyError:
            return  # another process wrote the same meanwhile


def _ids(user_wallet_id: str, through: int) -> Document:
    """Return the condition on the ids of a wallet's checkpoints up to entry ``through``."""
    return {"$gte": entry_id(user_wallet_id, 0), "$lte": entry_id(user_wallet_id, through)}
