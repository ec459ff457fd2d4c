"""The slots for each user's wallets, in the collection ``wallet_slots``: one document per user.

A wallet takes a slot before it is created. Callers do not release slots. When all are taken, the slots of wallets that
were deleted or never created are found and freed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from moniqo_core.storage.document import USER_WALLETS, Database

COLLECTION: Final = "wallet_slots"
GRACE: Final = timedelta(seconds=60)
"""How long a slot waits for its wallet. It is far longer than the time-out of a function that creates wallets."""


class WalletSlots:
    """The slots of all users."""

    def __init__(self, db: Database) -> None:
        """Use the collections of ``db``."""
        self._slots = db[COLLECTION]
        self._wallets = db[USER_WALLETS]

    async def take(self, user_id: str, user_wallet_id: str, limit: int, now: datetime) -> bool:
        """Take a slot for a wallet, or keep the slot that it has. Return False if all ``limit`` slots are taken.

        The server decides. It takes one round trip, unless it is the user's first wallet or all slots seem taken.
        """
        if await self._push(user_id, user_wallet_id, limit, now) or await self._has(user_id, user_wallet_id):
            return True
        await self._tidy(user_id, now)
        return await self._push(user_id, user_wallet_id, limit, now) or await self._has(user_id, user_wallet_id)

    async def _push(self, user_id: str, user_wallet_id: str, limit: int, now: datetime) -> bool:
        free = {"_id": user_id, "slots.id": {"$ne": user_wallet_id}, f"slots.{limit - 1}": {"$exists": False}}
        done = await self._slots.update_one(free, {"$push": {"slots": {"id": user_wallet_id, "at": now}}})
        return bool(done.matched_count)

    async def _has(self, user_id: str, user_wallet_id: str) -> bool:
        return await self._slots.find_one({"_id": user_id, "slots.id": user_wallet_id}, {"_id": 1}) is not None

    async def _tidy(self, user_id: str, now: datetime) -> None:
        """Free the slots without a wallet that are older than :data:`GRACE`.

        A user without a document gets one with the slots of existing wallets.
        """
        there = self._wallets.find({"user_id": user_id, "deleted_at": None}, {"_id": 1})
        ids = [document["_id"] for document in await there.to_list()]
        without_wallet = {"id": {"$nin": ids}, "at": {"$lt": now - GRACE}}
        done = await self._slots.update_one({"_id": user_id}, {"$pull": {"slots": without_wallet}})
        if not done.matched_count:
            slots = [{"id": user_wallet_id, "at": now} for user_wallet_id in ids]
            await self._slots.update_one({"_id": user_id}, {"$setOnInsert": {"slots": slots}}, upsert=True)
