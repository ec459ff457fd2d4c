"""Minute candles of venues as first recorded, in the collection ``market_minutes``.

There is one document per venue, symbol and hour. A minute is written once, because accounts are decided on it and a
replay reads it again. An hour is deleted as a whole, long after the last account needed it. A missing hour is unknown,
which is not the same as an hour without trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.market.minute_candles import MINUTE, MinuteCandles
from moniqo_core.domain.money import plain
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.document import Database

COLLECTION: Final = "market_minutes"
KEPT: Final = timedelta(days=400)
"""How long an hour is kept after it was first recorded. A whole year can still be recomputed at its end."""
_DUPLICATE_KEY: Final = 11000


class RecordedMinutes:
    """Reads and extends the record of minute candles."""

    def __init__(self, db: Database) -> None:
        """Use the collection of ``db``."""
        self._minutes = with_utc_times(db)[COLLECTION]

    async def read(self, source: str, symbol: str, hours: Sequence[datetime]) -> Mapping[datetime, MinuteCandles]:
        """Return the recorded minutes of these hours. Hours without a record are missing."""
        ids = {_id(source, symbol, hour): hour for hour in hours}
        found = await self._minutes.find({"_id": {"$in": list(ids)}}).to_list()
        return {ids[item["_id"]]: _read(ids[item["_id"]], item) for item in found}

    async def extend(self, source: str, symbol: str, since: datetime, found: Mapping[datetime, MinuteCandles]) -> None:
        """Record minutes from ``since`` on, by hour. An hour is extended only if its record ends where these begin."""
        writes = [
            UpdateOne(
                {"_id": _id(source, symbol, hour), "until": max(since, hour)},
                {
                    "$set": {"until": minutes.until},
                    "$setOnInsert": {"expires_at": utc_now() + KEPT},
                    "$push": {"candles": {"$each": [_row(hour, item) for item in minutes.candles]}},
                },
                upsert=since <= hour,
            )
            for hour, minutes in found.items()
        ]
        try:
            await self._minutes.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            # Another process began this hour meanwhile, and its record stays.
            if any(item["code"] != _DUPLICATE_KEY for item in error.details["writeErrors"]):
                raise


def _id(source: str, symbol: str, hour: datetime) -> str:
    return f"{source}:{symbol}:{hour:%Y-%m-%dT%H}"


def _row(hour: datetime, candle: Candle) -> list[Any]:
    _, *numbers = candle
    return [(candle.start - hour) // MINUTE, *map(plain, numbers)]


def _read(hour: datetime, document: Mapping[str, Any]) -> MinuteCandles:
    candles = (
        Candle(hour + timedelta(minutes=minute), *(Decimal(number) for number in numbers))
        for minute, *numbers in document["candles"]
    )
    return MinuteCandles(document["until"], tuple(candles))
