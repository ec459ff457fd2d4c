"""What a demo wallet's journal tells about the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pymongo.asynchronous.database import AsyncDatabase

from moniqo.domain.account import Account
from moniqo.domain.order import Fill
from moniqo.storage.account_codec import read_account
from moniqo.storage.demo_ledger import ENTRIES
from moniqo.storage.order_codec import Document, read_fill

_FILL_FIELDS: Final = (
    "fill_id", "order_id", "symbol", "side", "amount", "quote", "fee", "fee_currency", "liquidity", "at", "realised",
)  # fmt: skip


class EpochHistory(NamedTuple):
    """An epoch: the account it began with, and its fills, oldest first and without their price levels."""

    begin: Account
    fills: Sequence[Fill]


class DemoHistory:
    """Reads the collections of demo wallets in one database; nothing here is part of a decision."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        """Use ``database``; nothing is read yet."""
        self._entries = database[ENTRIES]

    async def entries(
        self, user_wallet_id: str, after: int, limit: int, fields: Sequence[str] | None = None
    ) -> list[Document]:
        """Journal entries with a sequence number above ``after``, oldest first; ``fields`` of None are all."""
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after}}
        projection = None if fields is None else list(fields)
        return await self._entries.find(query, projection).sort("seq", 1).limit(limit).to_list()

    async def epoch(self, user_wallet_id: str, epoch: int) -> EpochHistory:
        """Read an epoch in one round trip."""
        told = {"$or": [{"fills": {"$exists": True}}, {"account": {"$exists": True}}]}
        query = {"user_wallet_id": user_wallet_id, "epoch": epoch, **told}
        fields = ["seq", "account", *(f"fills.{name}" for name in _FILL_FIELDS)]
        entries = await self._entries.find(query, fields).sort("seq", 1).to_list()
        fills = [read_fill({**item, "levels": ()}) for entry in entries for item in entry.get("fills", ())]
        return EpochHistory(read_account(entries[0]["account"]), fills)
