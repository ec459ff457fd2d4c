"""Reads from the journal of a demo wallet: entries, accepted requests, and the account as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.orders.order import numbered_order_id
from moniqo_core.storage.document import Database, Document, begins_with
from moniqo_core.storage.paper.account_codec import read_account
from moniqo_core.storage.paper.checkpoints import Checkpoints
from moniqo_core.storage.paper.decision_input_decoder import read_command
from moniqo_core.storage.paper.entry_codec import reset_id
from moniqo_core.storage.paper.journal_reader import POSTINGS_FIELDS, read_journal_entry, read_postings
from moniqo_core.storage.paper.snapshots import ENTRIES


class AcceptedRequest(NamedTuple):
    """An accepted request: the id of its first order, and the hash of its body."""

    order_id: str
    body_hash: str | None


class DemoHistory:
    """Reads the journals of one database. Decisions use the account that ``DemoJournal`` loads, not this history."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._entries = database[ENTRIES]
        self._checkpoints = Checkpoints(database)

    async def entries(self, user_wallet_id: str, after: int, limit: int) -> list[JournalEntry]:
        """Return up to ``limit`` journal entries with a sequence number above ``after``, oldest first."""
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after}}
        found = self._entries.find(query).sort("seq", 1).limit(limit)
        return [read_journal_entry(entry) for entry in await found.to_list()]

    async def postings(self, user_wallet_id: str, after: int, limit: int) -> list[EntryPostings]:
        """Return only the postings of the entries that :meth:`entries` would return."""
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after}}
        found = self._entries.find(query, list(POSTINGS_FIELDS)).sort("seq", 1).limit(limit)
        return [read_postings(entry) for entry in await found.to_list()]

    async def accepted_as(self, user_wallet_id: str, client_order_id: str) -> AcceptedRequest | None:
        """Return the accepted request with a client order id, or None."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": client_order_id}
        entry = await self._entries.find_one(query)
        return None if entry is None else AcceptedRequest(numbered_order_id(entry["seq"]), entry.get("body_hash"))

    async def accepted_under(self, user_wallet_id: str, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": begins_with(prefix)}
        found = self._entries.find(query, {"client_order_id": 1, "body_hash": 1})
        return {entry["client_order_id"]: entry.get("body_hash") async for entry in found}

    async def reset_under(self, user_wallet_id: str, key: str) -> Command | None:
        """Return the reset that an earlier request with this idempotency key made, or None."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": reset_id(key)}
        entry = await self._entries.find_one(query, {"kind": 1, "command": 1})
        return None if entry is None else read_command(entry)

    async def entries_of(self, user_wallet_id: str, order_ids: Iterable[str]) -> list[Document]:
        """Return every entry that touched one of these orders, oldest first."""
        query = {"user_wallet_id": user_wallet_id, "order_ids": {"$in": list(order_ids)}}
        return [entry async for entry in self._entries.find(query).sort("seq", 1)]

    async def newest(
        self,
        user_wallet_id: str,
        query: Mapping[str, object],
        below: int | None,
        limit: int,
        fields: Sequence[str] | None = None,
    ) -> list[Document]:
        """Return up to ``limit`` entries that match ``query``, newest first.

        Args:
            user_wallet_id: The wallet.
            query: Conditions on the stored entries.
            below: Only entries with a smaller sequence number.
            limit: The most entries to return.
            fields: The fields to read. None reads whole entries.

        """
        full: Document = {"user_wallet_id": user_wallet_id, **query}
        if below is not None:
            full["seq"] = {"$lt": below}
        projection = None if fields is None else list(fields)
        return [entry async for entry in self._entries.find(full, projection).sort("seq", -1).limit(limit)]

    async def account_at(self, user_wallet_id: str, seq: int) -> Account | None:
        """Return the account as it was after entry ``seq``, or None if there is no such entry.

        It reads at most 499 entries where no checkpoint is missing.
        """
        state = await self._checkpoints.snapshot_at(user_wallet_id, seq)
        return None if state is None else read_account(state)
