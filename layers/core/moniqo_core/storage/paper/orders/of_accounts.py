"""Reads the orders of several paper wallets from their journals, in two round trips for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.order import numbered_order_id, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.paper.orders.accepting_entries import BATCH, FIELDS, ages_accepted_by, entries_that_accept
from moniqo_core.storage.paper.orders.records import ORDER_FIELDS, records_of, with_exits
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES

_NEWEST_FIRST: Final = {"at": -1, "user_wallet_id": -1, "seq": -1}


class OrdersOfAccounts:
    """Reads the orders of some accounts."""

    def __init__(self, database: Database, accounts: Mapping[str, Account]) -> None:
        """Read for ``accounts`` by their wallet's id. They hold the open orders."""
        self._states = database[STATES]
        self._entries = database[ENTRIES]
        self._accounts = accounts

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> list[OrderRecord]:
        """Return orders below the position ``after``, newest first. The cursor of ``query`` is not used.

        No index covers the filters or the time of ``after``. The database passes over the entries of each wallet that
        are newer, and over all entries of a wallet that has fewer wanted orders than a page.
        """
        if query.only_open:
            positions = sorted(self._open(query, after), reverse=True)
        else:
            positions = await self._accepted(query, after)
        return await self._records(positions[: query.limit])

    def _open(self, query: OrderQuery, after: OrderPosition | None) -> Iterable[OrderPosition]:
        for wallet, account in self._accounts.items():
            for order_id, order in account.orders.items():
                wanted = query.symbol in {None, order.symbol} and query.admits(
                    order.side, order.type, order.client_order_id, order.created_at
                )
                position = OrderPosition(order.created_at, wallet, *order_age(order_id))
                if wanted and (after is None or position < after):
                    yield position

    async def _accepted(self, query: OrderQuery, after: OrderPosition | None) -> list[OrderPosition]:
        """Return positions of orders, highest first. One journal entry accepts an entry order and its exits."""
        found: list[OrderPosition] = []
        below: Document = {} if after is None else _older(after, including=True)
        # Few entries meet the conditions without accepting a wanted order, so the first batch is mostly enough.
        batch = min(query.limit + 1, BATCH)
        while len(found) < query.limit:
            entries = await self._newest_entries({"$and": [entries_that_accept(query), below]}, batch)
            for entry in entries:
                own = (_position(entry, age) for age in ages_accepted_by(entry, query))
                found += [position for position in own if self._is_wanted(position, query, after)]
            if len(entries) < batch:
                break
            below = _older(_position(entries[-1], (entries[-1]["seq"], 0)), including=False)
            batch = BATCH
        return found

    async def _newest_entries(self, conditions: Document, limit: int) -> list[Document]:
        """Return the newest entries of all wallets. Each wallet's own are found by the index of its entries."""
        of_each = [
            {"$match": conditions},
            {"$sort": {"seq": -1}},
            {"$limit": limit},
            {"$project": dict.fromkeys((*FIELDS, "at", "user_wallet_id"), 1)},
        ]
        pipeline: list[Document] = [
            {"$match": {"_id": {"$in": list(self._accounts)}}},
            {"$project": {"_id": 1}},
            {
                "$lookup": {
                    "from": ENTRIES,
                    "localField": "_id",
                    "foreignField": "user_wallet_id",
                    "pipeline": of_each,
                    "as": "found",
                }
            },
            {"$unwind": "$found"},
            {"$replaceRoot": {"newRoot": "$found"}},
            {"$sort": _NEWEST_FIRST},
            {"$limit": limit},
        ]
        return await (await self._states.aggregate(pipeline)).to_list()

    def _is_wanted(self, position: OrderPosition, query: OrderQuery, after: OrderPosition | None) -> bool:
        is_open = _order_id(position) in self._accounts[position.user_wallet_id].orders
        return (after is None or position < after) and not (query.only_open is False and is_open)

    async def _records(self, positions: Sequence[OrderPosition]) -> list[OrderRecord]:
        ids: dict[str, list[str]] = {}
        for position in positions:
            ids.setdefault(position.user_wallet_id, []).append(_order_id(position))
        if not ids:
            return []
        touched: dict[str, list[Document]] = {wallet: [] for wallet in ids}
        wanted = [{"user_wallet_id": name, "order_ids": {"$in": with_exits(own)}} for name, own in ids.items()]
        async for entry in self._entries.find({"$or": wanted}, list(ORDER_FIELDS)).sort("seq", 1):
            touched[entry["user_wallet_id"]].append(entry)
        found = {
            (record.user_wallet_id, record.order_id): record
            for wallet, own in ids.items()
            for record in records_of(self._accounts[wallet], own, touched[wallet])
        }
        return [found[position.user_wallet_id, _order_id(position)] for position in positions]


def _position(entry: Document, age: tuple[int, int]) -> OrderPosition:
    return OrderPosition(entry["at"], entry["user_wallet_id"], *age)


def _order_id(position: OrderPosition) -> str:
    return numbered_order_id(position.seq, position.number)


def _older(position: OrderPosition, *, including: bool) -> Document:
    """Return the condition on entries older than that of a position, or also on this one itself."""
    at, wallet, seq, _ = position
    return {
        "at": {"$lte": at},
        "$or": [
            {"at": {"$lt": at}},
            {"user_wallet_id": {"$lt": wallet}},
            {"user_wallet_id": wallet, "seq": {"$lte" if including else "$lt": seq}},
        ],
    }
