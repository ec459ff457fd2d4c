"""Counters per key in windows of fixed length, in the collection ``rate_counters``.

There is one document per key and window. It holds only a digest of the key, and the database deletes it after the end
of the window.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError, PyMongoError

from moniqo_core.storage.document import Database, Document

COLLECTION: Final = "rate_counters"
COUNTED_BY: Final = "counted_by"
"""The field with the token of the write that counted last, by which a write that is sent again recognizes itself."""


class RateCounters:
    """Counts up to a limit in windows of one length."""

    def __init__(self, db: Database, window: timedelta) -> None:
        """Count in windows of the length ``window``, in whole seconds."""
        self._counters = db[COLLECTION]
        self._namespace = f"{db.name}.{COLLECTION}"
        self._seconds = int(window.total_seconds())

    async def take(self, key: str, limit: int, now: datetime) -> bool:
        """Count one and return True, or return False if ``limit`` (at least 1) is reached in this window.

        The server decides, so concurrent callers never exceed ``limit``. It takes one round trip. It takes two at the
        limit, and for callers that begin a window at the same time.
        """
        below = {"_id": self.id_of(key, now), "count": {"$lt": limit}}
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
            await self._counters.update_one({"_id": self.id_of(key, now), "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    def count(self, key: str, limit: int, now: datetime, error: Callable[[], Exception]) -> Count:
        """Return the count of one request of ``key``. Nothing is counted yet."""
        return Count(self, key, limit, now, error)

    def write(self, count: Count, token: str) -> UpdateOne:
        """Return the write that adds one below the limit. It fails with a duplicate key if it adds nothing."""
        begin = {"$setOnInsert": {"expires_at": count.at + timedelta(seconds=2 * self._seconds)}}
        return UpdateOne(self._addable(count, token), {**_add(token), **begin}, upsert=True, namespace=self._namespace)

    async def write_alone(self, count: Count, token: str) -> bool:
        """Add one below the limit, unless a write with the same ``token`` did. Return False at the limit."""
        if (await self._counters.update_one(self._addable(count, token), _add(token))).matched_count:
            return True
        stored = await self._counters.find_one({"_id": count.id}, {COUNTED_BY: 1})
        return stored is not None and stored.get(COUNTED_BY) == token

    def _addable(self, count: Count, token: str) -> Document:
        return {
            "_id": count.id,
            "count": {"$lt": count.limit},
            COUNTED_BY: {"$ne": token},
        }

    def seconds_left(self, now: datetime) -> int:
        """Return the seconds until the next window begins, at least one."""
        return self._seconds - int(now.timestamp()) % self._seconds

    def id_of(self, key: str, now: datetime) -> str:
        """Return the ``_id`` of the counter of a key at a time."""
        return f"{int(now.timestamp()) // self._seconds}:{hashlib.sha256(key.encode()).hexdigest()}"


class Count:
    """One request that counts once it is taken: by itself, or by a bulk write that continues only below the limit."""

    def __init__(
        self, counters: RateCounters, key: str, limit: int, at: datetime, error: Callable[[], Exception]
    ) -> None:
        """Count ``key`` in the window of ``at``, up to ``limit``. ``error`` makes the error of a request above it."""
        self._counters = counters
        self.key = key
        self.limit = limit
        self.at = at
        self.error = error
        self.id = counters.id_of(key, at)
        """The ``_id`` of the counter, so that another read can include it."""
        self.is_taken = False
        self.is_refused = False
        """Whether the limit is known to be reached."""

    def was_read(self, counter: Mapping[str, int] | None) -> None:
        """Take note of the counter as another read found it."""
        self.is_refused = counter is not None and counter["count"] >= self.limit

    async def take(self) -> None:
        """Count now, in a write of its own."""
        self.note(taken=await self._counters.take(self.key, self.limit, self.at))

    def write(self, token: str) -> UpdateOne:
        """Return the first write of an ordered bulk write with a unique ``token``. :meth:`note` takes its result."""
        return self._counters.write(self, token)

    async def take_after_duplicate(self, token: str) -> bool:
        """Count after :meth:`write` failed. Return False at the limit.

        Two requests may have begun a window at once. Or the write was sent again, because its first answer was lost.
        """
        self.note(taken=await self._counters.write_alone(self, token))
        return self.is_taken

    def note(self, *, taken: bool) -> None:
        """Keep whether the request was counted, or the limit is reached."""
        self.is_taken, self.is_refused = taken, not taken

    async def release(self) -> None:
        """Undo the count, if it was taken. If the database does not answer, it stays counted."""
        if self.is_taken:
            self.is_taken = False
            await self._counters.release(self.key, self.at)


def _add(token: str) -> Document:
    return {"$inc": {"count": 1}, "$set": {COUNTED_BY: token}}
