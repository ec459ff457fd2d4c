"""Equity over time, in the collection ``equity``: one point per wallet, epoch and time. A point never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from bson import ObjectId
from pymongo import UpdateOne

from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.equity_curve import EquityPoint, EquitySample
from moniqo_core.storage.document import WHOLE_RESULT, Database, Document, optional_decimal, optional_text

COLLECTION: Final = "equity"


def point_inserts(database: str, user_wallet_id: str, epoch: int, samples: Iterable[EquitySample]) -> list[UpdateOne]:
    """Return the writes that add points. An existing point has the same value and stays."""
    return [
        UpdateOne(
            {"user_wallet_id": user_wallet_id, "epoch": epoch, "at": point.at},
            {"$setOnInsert": sample_values(point)},
            upsert=True,
            namespace=f"{database}.{COLLECTION}",
        )
        for point in samples
    ]


class StoredPoint(NamedTuple):
    """A point and its id. The server makes the id when it inserts the point, so the id tells when that was."""

    point_id: ObjectId
    point: EquityPoint


class EquityStore:
    """Reads the equity points of paper and live wallets."""

    def __init__(self, database: Database) -> None:
        """Use the collection of ``database``."""
        self._points = database[COLLECTION]

    async def of_epoch(
        self, user_wallet_id: str, epoch: int, since: datetime | None, until: datetime
    ) -> list[StoredPoint]:
        """Return the points of an epoch from ``since`` to ``until``, oldest first and without PnL."""
        times: Document = {"$lte": until} if since is None else {"$gte": since, "$lte": until}
        query = {"user_wallet_id": user_wallet_id, "epoch": epoch, "at": times}
        found = self._points.find(query, {"at": 1, "equity": 1}, batch_size=WHOLE_RESULT).sort("at", 1)
        return [
            StoredPoint(each["_id"], EquityPoint(epoch, EquitySample(each["at"], Decimal(each["equity"]), None, None)))
            for each in await found.to_list()
        ]

    async def between(self, user_wallet_id: str, since: datetime, until: datetime) -> list[EquityPoint]:
        """Return equity points, oldest first: the last before ``since``, if any, and all from then to ``until``."""
        query = {"user_wallet_id": user_wallet_id, "at": {"$lt": since}}
        before = await self._points.find(query).sort("at", -1).limit(1).to_list()
        found = await self._found({"user_wallet_id": user_wallet_id, "at": {"$gte": since, "$lte": until}})
        return [*map(_point, before), *found]

    async def _found(self, query: Mapping[str, Any]) -> list[EquityPoint]:
        return [_point(document) async for document in self._points.find(query).sort("at", 1)]


def _point(document: Mapping[str, Any]) -> EquityPoint:
    realised, unrealised = (optional_decimal(document[name]) for name in ("realised", "unrealised"))
    return EquityPoint(
        document["epoch"], EquitySample(document["at"], Decimal(document["equity"]), realised, unrealised)
    )


HOURLY_POINTS_KEPT: Final = timedelta(days=90)


DAILY_POINTS_KEPT: Final = timedelta(days=5 * 366)


def is_daily(sample: EquitySample) -> bool:
    """Tell whether a sample is of midnight UTC. Its point is kept for five years, and any other for 90 days."""
    return sample.at.hour == 0


def sample_values(point: EquitySample) -> Document:
    """Return the stored fields of an equity point, without its key."""
    daily = is_daily(point)
    return {
        "equity": plain(point.equity),
        "realised": optional_text(point.realised),
        "unrealised": optional_text(point.unrealised),
        "resolution": "1d" if daily else "1h",
        "expires_at": point.at + (DAILY_POINTS_KEPT if daily else HOURLY_POINTS_KEPT),
    }
