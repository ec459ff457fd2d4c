"""Hours of the simulated market, a cache that can be deleted at any time.

They share the collection ``market_minutes`` and its expiry with the minutes of venues. There is one document per
market, symbol and day, and its id begins with ``simulated``. Every process computes the same for an hour, so it does
not matter which of them stores it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.market.bar import Bar
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.storage.client import DatabaseError
from moniqo_core.storage.document import WHOLE_RESULT, Database
from moniqo_core.storage.market.recorded_minutes import COLLECTION, KEPT

log: Final = logging.getLogger("moniqo")

_PER_DAY: Final = 24
_DUPLICATE_KEY: Final = 11000


class SimulatedHours:
    """Implements :class:`moniqo_core.feeds.simulated_candles.HourStore`.

    An hour that began over 400 days ago is not stored, so there are never more than 400 documents of a symbol.
    """

    def __init__(self, db: Database, clock: Clock = utc_now) -> None:
        """Use the collection of ``db``."""
        self._days = db[COLLECTION]
        self._clock = clock

    async def read(self, market: str, symbol: str, hours: Sequence[int]) -> Mapping[int, Bar]:
        """Return those of these hours that are stored, in one round trip."""
        ids = {_id(market, symbol, day): day for day in {hour // _PER_DAY for hour in hours}}
        query = {"_id": {"$in": list(ids)}}
        found: dict[int, Bar] = {}
        for document in await self._days.find(query, {"hours": 1}).to_list(WHOLE_RESULT):
            first = ids[document["_id"]] * _PER_DAY
            found |= {first + int(hour): Bar(*row) for hour, row in document["hours"].items()}
        return found

    async def add(self, market: str, symbol: str, hours: Mapping[int, Bar]) -> None:
        """Store hours. It changes nothing to store the same hour again.

        A failure is logged, because the answer does not need the store.
        """
        days: dict[int, dict[str, list[int]]] = {}
        for hour, bar in hours.items():
            days.setdefault(hour // _PER_DAY, {})[f"hours.{hour % _PER_DAY}"] = list(bar)
        oldest = self._clock() - KEPT
        writes = [
            UpdateOne(
                {"_id": _id(market, symbol, day)},
                {"$set": rows, "$setOnInsert": {"expires_at": _begin(day) + KEPT}},
                upsert=True,
            )
            for day, rows in days.items()
            if _begin(day) > oldest
        ]
        if not writes:
            return
        try:
            await self._days.bulk_write(writes, ordered=False)
        except DatabaseError as error:
            if not _began_meanwhile(error):
                log.exception("simulated hours are not stored")


def _began_meanwhile(error: Exception) -> bool:
    """Tell whether another process began these days. A later answer stores what is missing."""
    return isinstance(error, BulkWriteError) and all(
        item["code"] == _DUPLICATE_KEY for item in error.details["writeErrors"]
    )


def _begin(day: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def _id(market: str, symbol: str, day: int) -> str:
    return f"{SIMULATED}:{market}:{symbol}:{_begin(day):%Y-%m-%d}"
