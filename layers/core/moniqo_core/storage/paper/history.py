"""What the journal of a demo wallet tells: its entries, its orders, and the account as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.orders.order import Fill
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper.account_codec import read_account
from moniqo_core.storage.paper.entry_codec import apply_entry
from moniqo_core.storage.paper.journal_reader import POSTINGS_FIELDS, read_journal_entry, read_postings
from moniqo_core.storage.paper.snapshots import ENTRIES

_FILL_FIELDS: Final = (
    "fill_id", "order_id", "symbol", "side", "amount", "quote", "fee", "fee_currency", "liquidity", "at", "realised",
)  # fmt: skip


class EpochHistory(NamedTuple):
    """An epoch: the account it began with, and its fills, oldest first and without their price levels."""

    begin: Account
    fills: Sequence[Fill]


class AcceptedRequest(NamedTuple):
    """A request that was accepted: the id of the first order it made, and the digest of its body."""

    order_id: str
    body_hash: str | None


class DemoHistory:
    """Reads the journals in one database; what is decided is decided on the account that the ledger loads."""

    def __init__(self, database: Database) -> None:
        """Use ``database``; nothing is read yet."""
        self._entries = database[ENTRIES]

    async def entries(self, user_wallet_id: str, after: int, limit: int) -> list[JournalEntry]:
        """Journal entries with a sequence number above ``after``, oldest first."""
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after}}
        found = self._entries.find(query).sort("seq", 1).limit(limit)
        return [read_journal_entry(entry) for entry in await found.to_list()]

    async def postings(self, user_wallet_id: str, after: int, limit: int) -> list[EntryPostings]:
        """Read of the same entries only what they moved."""
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after}}
        found = self._entries.find(query, list(POSTINGS_FIELDS)).sort("seq", 1).limit(limit)
        return [read_postings(entry) for entry in await found.to_list()]

    async def accepted_as(self, user_wallet_id: str, client_order_id: str) -> AcceptedRequest | None:
        """What a client order id stands for; a reset's key is one too."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": client_order_id}
        entry = await self._entries.find_one(query)
        return None if entry is None else AcceptedRequest(f"o-{entry['seq']}-1", entry.get("body_hash"))

    async def entries_of(self, user_wallet_id: str, order_ids: Iterable[str]) -> list[Document]:
        """Every entry that touched one of these orders, oldest first."""
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
        """Entries matching ``query`` below a sequence number, newest first; ``fields`` names what is read of them."""
        full: Document = {"user_wallet_id": user_wallet_id, **query}
        if below is not None:
            full["seq"] = {"$lt": below}
        projection = None if fields is None else list(fields)
        return [entry async for entry in self._entries.find(full, projection).sort("seq", -1).limit(limit)]

    async def account_at(self, user_wallet_id: str, seq: int) -> Account | None:
        """Rebuild an account as it was after entry ``seq``, None when there is no such entry."""
        whole = {"user_wallet_id": user_wallet_id, "seq": {"$lte": seq}, "account": {"$exists": True}}
        first = await self._entries.find_one(whole, sort=[("seq", -1)])
        if first is None:
            return None
        state: Document = {}
        apply_entry(state, first)
        newer = {"user_wallet_id": user_wallet_id, "seq": {"$gt": first["seq"], "$lte": seq}}
        async for entry in self._entries.find(newer).sort("seq", 1):
            apply_entry(state, entry)
        return read_account(state) if state["seq"] == seq else None

    async def epoch(self, user_wallet_id: str, epoch: int) -> EpochHistory:
        """Read an epoch in one round trip."""
        told = {"$or": [{"fills": {"$exists": True}}, {"account": {"$exists": True}}]}
        query = {"user_wallet_id": user_wallet_id, "epoch": epoch, **told}
        fields = ["seq", "account", *(f"fills.{name}" for name in _FILL_FIELDS)]
        entries = await self._entries.find(query, fields).sort("seq", 1).to_list()
        fills = [read_fill({**item, "levels": ()}) for entry in entries for item in entry.get("fills", ())]
        return EpochHistory(read_account(entries[0]["account"]), fills)
