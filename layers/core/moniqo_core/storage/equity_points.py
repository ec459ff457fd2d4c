"""Equity over time, in the collection ``equity``: one point per wallet, epoch and time. A point never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

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


class EquityStore:
    """Reads the equity points of paper and live wallets."""

    def __init__(self, database: Database) -> None:
        """Use the collection of ``database``."""
        self._points = database[COLLECTION]

    async def of_epoch(self, user_wallet_id: str, epoch: int) -> list[EquityPoint]:
        """Return every equity point of an epoch, oldest first and without PnL."""
        query = {"user_wallet_id": user_wallet_id, "epoch": epoch}
        found = self._points.find(query, {"_id": 0, "at": 1, "equity": 1}, batch_size=WHOLE_RESULT).sort("at", 1)
        return [
            EquityPoint(epoch, EquitySample(point["at"], Decimal(point["equity"]), None, None))
            for point in await found.to_list()
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


def sample_values(point: EquitySample) -> Document:
    """Return the stored fields of an equity point, without its key.

    A point of midnight UTC is kept for five years, any other for 90 days.
    """
    daily = point.at.hour == 0
    return {
        "equity": plain(point.equity),
        "realised": optional_text(point.realised),
        "unrealised": optional_text(point.unrealised),
        "resolution": "1d" if daily else "1h",
        "expires_at": point.at + (DAILY_POINTS_KEPT if daily else HOURLY_POINTS_KEPT),
    }
