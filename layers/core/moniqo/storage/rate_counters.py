"""Counting per key in windows of fixed length, collection ``rate_counters``.

One document per key and window; only digests of keys are kept, and the database removes them by itself.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collection import ReturnDocument
from pymongo.errors import PyMongoError

COLLECTION: Final = "rate_counters"


class RateCounters:
    """Counts up to a limit in windows of one length."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], window: timedelta) -> None:
        """Count in windows of this length, whole seconds."""
        self._counters = db[COLLECTION]
        self._seconds = int(window.total_seconds())

    async def take(self, key: str, limit: int, now: datetime) -> bool:
        """Count one, unless ``limit`` were counted in this window already; returns whether it was counted.

        One round trip, decided by the server: of many callers at once no more than ``limit`` are counted.
        """
        count = {"$ifNull": ["$count", 0]}
        below = {"$lt": [count, limit]}
        expiry = now + timedelta(seconds=2 * self._seconds)
        counted: Any = await self._counters.find_one_and_update(
            {"_id": self._id(key, now)},
            [
                {
                    "$set": {
                        "taken": below,
                        "count": {"$cond": [below, {"$add": [count, 1]}, count]},
                        "expires_at": {"$ifNull": ["$expires_at", expiry]},
                    }
                }
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return bool(counted["taken"])

    async def give_back(self, key: str, now: datetime) -> None:
        """Uncount what was counted at ``now``; where the database does not answer, it stays counted."""
        with suppress(PyMongoError):
            await self._counters.update_one({"_id": self._id(key, now), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the next window begins, at least one."""
        return self._seconds - int(now.timestamp()) % self._seconds

    def _id(self, key: str, now: datetime) -> str:
        return f"{int(now.timestamp()) // self._seconds}:{hashlib.sha256(key.encode()).hexdigest()}"
