"""Counters per key in windows of fixed length, in the collection ``rate_counters``.

There is one document per key and window. It holds only a digest of the key, and the database deletes it after the end
of the window.
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
        """Count in windows of the length ``window``, in whole seconds."""
        self._counters = db[COLLECTION]
        self._seconds = int(window.total_seconds())

    async def take(self, key: str, limit: int, now: datetime) -> bool:
        """Count one and return True, or return False if ``limit`` (at least 1) is reached in this window.

        The server decides, so concurrent callers never exceed ``limit``. It takes one round trip. It takes two at the
        limit, and for callers that begin a window at the same time.
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
        """Undo a count made at ``now``. If the database does not answer, it stays counted."""
        with suppress(PyMongoError):
            await self._counters.update_one({"_id": self._id(key, now), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the next window begins, at least one."""
        return self._seconds - int(now.timestamp()) % self._seconds

    def _id(self, key: str, now: datetime) -> str:
        return f"{int(now.timestamp()) // self._seconds}:{hashlib.sha256(key.encode()).hexdigest()}"
