"""Counting per key in windows of fixed length, collection ``rate_counters``.

One document per key and window; only digests of keys are kept, and the database removes them by itself.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError, PyMongoError

from moniqo_core.storage.document import Database

COLLECTION: Final = "rate_counters"


class RateCounters:
    """Counts up to a limit in windows of one length."""

    def __init__(self, db: Database, window: timedelta) -> None:
        """Count in windows of this length, whole seconds."""
        self._counters = db[COLLECTION]
        self._seconds = int(window.total_seconds())

    async def take(self, key: str, limit: int, now: datetime) -> bool:
        """Count one, unless ``limit`` (at least 1) were counted in this window already; returns whether it was counted.

        Decided by the server, so of many callers at once no more than ``limit`` are counted. One round trip; a second
        one at the limit, and for callers that begin a window at the same moment.
        """
        below = {"_id": self._id(key, now), "count": {"$lt": limit}}
        one = {"$inc": {"count": 1}}
        begin = {"$setOnInsert": {"expires_at": now + timedelta(seconds=2 * self._seconds)}}
        try:
            await self._counters.update_one(below, {**one, **begin}, upsert=True)
        except DuplicateKeyError:
            return (await self._counters.update_one(below, one)).matched_count == 1
        return True

    async def release(self, key: str, now: datetime) -> None:
        """Uncount what was counted at ``now``; where the database does not answer, it stays counted."""
        with suppress(PyMongoError):
            await self._counters.update_one({"_id": self._id(key, now), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the next window begins, at least one."""
        return self._seconds - int(now.timestamp()) % self._seconds

    def _id(self, key: str, now: datetime) -> str:
        return f"{int(now.timestamp()) // self._seconds}:{hashlib.sha256(key.encode()).hexdigest()}"
