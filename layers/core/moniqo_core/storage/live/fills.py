"""Fills of live wallets, in the collection ``order_fills``. They are written together with the entry that has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo import UpdateOne

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.list_queries import FillQuery
from moniqo_core.domain.orders.order import Fill
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.live.time_bounds import admits, before, time_bounds
from moniqo_core.storage.orders.order_codec import fill_document, read_fill

FILLS: Final = "order_fills"
MAX_FILLS: Final = 1000
"""The most fills that are shown with one order, or read at once by a sync."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
"""The resolution of stored times."""
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


class LiveFillStore:
    """Reads fills."""

    def __init__(self, database: Database) -> None:
        """Use the collection of ``database``."""
        self._fills = database[FILLS]

    async def of(self, orders: Sequence[LiveOrder]) -> list[tuple[Fill, ...]]:
        """Return the fills of each of these orders, oldest first. They may be orders of several wallets."""
        found: dict[tuple[str, int], list[Fill]] = {(order.user_wallet_id, order.seq): [] for order in orders}
        filled: dict[str, list[int]] = {}
        for order in orders:
            if order.stored_fill_amount:
                filled.setdefault(order.user_wallet_id, []).append(order.seq)
        if filled:
            wallets = [{"user_wallet_id": wallet, "seq": {"$in": numbers}} for wallet, numbers in filled.items()]
            query = {"$or": wallets} if len(wallets) > 1 else wallets[0]
            oldest_first = self._fills.find(query).sort([("at", 1), ("tie", 1)]).limit(MAX_FILLS * len(orders))
            async for document in oldest_first:
                found[document["user_wallet_id"], document["seq"]].append(read_fill(document))
        return [tuple(found[order.user_wallet_id, order.seq][:MAX_FILLS]) for order in orders]

    async def ids_of(self, order: LiveOrder) -> frozenset[str]:
        """Return the ids of the stored fills of an order."""
        mine = {"user_wallet_id": order.user_wallet_id, "seq": order.seq}
        return frozenset([fill["fill_id"] async for fill in self._fills.find(mine, {"fill_id": 1})])

    async def page(self, user_wallet_id: str, query: FillQuery) -> tuple[list[Fill], tuple[int, int] | None]:
        """Return fills, newest first, and the cursor of the next page: the last fill's time in ms and tie-breaker."""
        limit, symbol, since, until, after = query
        wanted: Document = {"user_wallet_id": user_wallet_id, **({} if symbol is None else {"symbol": symbol})}
        bounds = time_bounds(since, until)
        documents: list[Document] = []
        if after is not None:
            moment = _EPOCH + min(after[0], _LAST) * _MILLISECOND
            if admits(bounds, moment):
                documents = await self._newest({**wanted, "at": moment, "tie": {"$lt": after[1]}}, limit + 1)
            bounds = before(bounds, moment)
        if len(documents) <= limit:
            older = {**wanted, "at": bounds} if bounds else wanted
            documents += await self._newest(older, limit + 1 - len(documents))
        last = documents[limit - 1] if len(documents) > limit else None
        cursor = None if last is None else ((last["at"] - _EPOCH) // _MILLISECOND, last["tie"])
        return [read_fill(item) for item in documents[:limit]], cursor

    async def _newest(self, wanted: Document, limit: int) -> list[Document]:
        return await self._fills.find(wanted).sort([("at", -1), ("tie", -1)]).limit(limit).to_list()

    async def since(self, user_wallet_id: str, moment: datetime) -> list[Fill]:
        """Return the fills of a wallet from ``moment`` on, newest first, at most :data:`MAX_FILLS`."""
        found, _ = await self.page(user_wallet_id, FillQuery(MAX_FILLS, since=moment))
        return found


def fill_to_store(order: LiveOrder, fill: Fill) -> Document:
    """Return the document of a fill of an order."""
    return {
        "_id": f"{order.user_wallet_id}:{fill.fill_id}",
        **fill_document(fill),
        "user_wallet_id": order.user_wallet_id,
        "seq": order.seq,
        # Only the release before reads it. Its last digit may be one too low.
        "ms": int(fill.at.timestamp() * 1000),
        "tie": _tie(fill),
    }


def as_stored(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Return fills in the order in which they are read back, oldest first."""
    return tuple(sorted(fills, key=lambda fill: (fill.at, _tie(fill))))


def _tie(fill: Fill) -> int:
    """Return the place of a fill among those of the same time. It has 48 bits, so it fits into a cursor."""
    return int(hashlib.sha256(fill.fill_id.encode()).hexdigest()[:12], 16)


def fill_insert(database: str, document: Document) -> UpdateOne:
    """Return the write that adds a fill. An existing fill stays as it is."""
    new = {name: value for name, value in document.items() if name != "_id"}
    return UpdateOne({"_id": document["_id"]}, {"$setOnInsert": new}, upsert=True, namespace=f"{database}.{FILLS}")
