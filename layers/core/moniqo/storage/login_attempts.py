"""Counting log-in attempts, collection ``login_attempts``. Only digests of addresses are kept, for minutes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

COLLECTION: Final = "login_attempts"


class LoginAttempts:
    """Counts attempts per key in windows of fixed length."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], window: timedelta = timedelta(minutes=5)) -> None:
        """Count in windows of this length."""
        self._attempts = db[COLLECTION]
        self._seconds = int(window.total_seconds())

    async def add(self, key: str, now: datetime) -> int:
        """Count one attempt and return how many there were in this window."""
        counted = await self._attempts.find_one_and_update(
            {"_id": self._id(key, now)},
            {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": now + timedelta(seconds=2 * self._seconds)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(counted["count"]) if counted else 1

    async def take_back(self, key: str, now: datetime) -> None:
        """Uncount an attempt that succeeded."""
        await self._attempts.update_one({"_id": self._id(key, now), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the next window begins."""
        return self._seconds - int(now.timestamp()) % self._seconds

    def _id(self, key: str, now: datetime) -> str:
        return f"{int(now.timestamp()) // self._seconds}:{hashlib.sha256(key.encode()).hexdigest()}"
