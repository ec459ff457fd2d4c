"""Where the losses of a live wallet are measured from, read from its points of equity."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo.domain.live_risk import Baseline
from moniqo.domain.user_wallet import BalanceSnapshot
from moniqo.storage.equity import COLLECTION


async def read_baseline(
    database: AsyncDatabase[dict[str, Any]], user_wallet_id: str, day_began: datetime, snapshot: BalanceSnapshot
) -> Baseline | None:
    """Return equity at the start of the owner's day and the highest equity, in one round trip.

    A wallet that is younger than its day began with its first point; one without any counts from its last snapshot.
    None when there is not even that.
    """
    mine = {"user_wallet_id": user_wallet_id}
    first = [{"$match": {**mine, "at": {"$gt": day_began}}}, {"$sort": {"at": 1}}, {"$limit": 1}]
    highest = [{"$match": mine}, {"$group": {"_id": None, "equity": {"$max": {"$toDecimal": "$equity"}}}}]
    pipeline: list[dict[str, Any]] = [
        {"$match": {**mine, "at": {"$lte": day_began}}},
        {"$sort": {"at": -1}},
        {"$limit": 1},
        {"$set": {"which": "day"}},
        {"$unionWith": {"coll": COLLECTION, "pipeline": [*first, {"$set": {"which": "first"}}]}},
        {"$unionWith": {"coll": COLLECTION, "pipeline": [*highest, {"$set": {"which": "peak"}}]}},
    ]
    points = await database[COLLECTION].aggregate(pipeline)
    found = {point["which"]: Decimal(str(point["equity"])) async for point in points}
    start = found.get("day", found.get("first", snapshot.total_value_usd))
    if start is None:
        return None
    return Baseline(start, max(found.get("peak", start), start, snapshot.total_value_usd or start))
