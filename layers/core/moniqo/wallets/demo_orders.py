"""Orders of a demo wallet as they are read back: open ones from the account, ended ones from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from moniqo.domain.account import Account
from moniqo.domain.errors import OrderNotFoundError
from moniqo.domain.order import Fill, Order
from moniqo.storage.demo_ledger import DemoLedger
from moniqo.storage.order_codec import Document, order_age, read_fill, read_order

_BATCH = 200


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order with all its fills, oldest first; ``replayed`` when it was placed by an earlier request."""

    order: Order
    fills: tuple[Fill, ...]
    replayed: bool = False


class DemoOrders:
    """Reads the orders and fills of one account."""

    def __init__(self, ledger: DemoLedger, account: Account) -> None:
        """Read beside ``account``, whose open orders are known."""
        self._ledger = ledger
        self._account = account

    async def get(self, order_id: str) -> OrderRecord:
        """One order; raises OrderNotFoundError."""
        records = await self.several([order_id])
        if not records:
            raise OrderNotFoundError(f"no order {order_id[:40]!r} in this wallet")
        return records[0]

    async def page(
        self, *, only_open: bool | None, symbol: str | None, below: int | None, limit: int
    ) -> tuple[list[OrderRecord], int | None]:
        """Orders by age, newest first, and where the next page begins.

        ``below`` is the sequence number that accepted the last order of the page before.
        """
        if only_open:
            ids = [order.order_id for order in self._account.orders.values() if symbol in {None, order.symbol}]
            ids = [order_id for order_id in reversed(ids) if below is None or order_age(order_id)[0] < below]
        else:
            ids = await self._accepted(symbol, below, limit + 1, closed_only=only_open is False)
        records = await self.several(ids[:limit])
        return records, order_age(ids[limit - 1])[0] if len(ids) > limit else None

    async def fills(
        self,
        *,
        symbol: str | None,
        since: datetime | None,
        until: datetime | None,
        position: tuple[int, int] | None,
        limit: int,
    ) -> tuple[list[Fill], tuple[int, int] | None]:
        """Fills newest first, and where the next page begins: (sequence number, fills of that entry already given)."""
        found: list[tuple[Fill, tuple[int, int]]] = []
        query: dict[str, object] = {"fills.symbol": symbol} if symbol is not None else {"fills": {"$exists": True}}
        below = position[0] + 1 if position else None
        while len(found) <= limit:
            entries = await self._ledger.newest(self._account.user_wallet_id, query, below, _BATCH)
            for entry in entries:
                given = position[1] if position and entry["seq"] == position[0] else 0
                newest_first = [read_fill(item) for item in reversed(entry["fills"])]
                found += [
                    (item, (entry["seq"], number))
                    for number, item in enumerate(newest_first, 1)
                    if number > given and _wanted(item, symbol, since, until)
                ]
            if len(entries) < _BATCH or (since is not None and entries[-1]["at"] < since):
                break
            below = entries[-1]["seq"]
        page = found[:limit]
        return [item for item, _ in page], page[-1][1] if len(found) > limit else None

    async def _accepted(self, symbol: str | None, below: int | None, limit: int, *, closed_only: bool) -> list[str]:
        query: dict[str, object] = {"kind": "place"}
        if symbol is not None:
            query["command.symbol"] = symbol
        ids: list[str] = []
        while len(ids) < limit:
            entries = await self._ledger.newest(self._account.user_wallet_id, query, below, _BATCH)
            for entry in entries:
                order_id = entry["order_ids"][0]
                if not (closed_only and order_id in self._account.orders):
                    ids.append(order_id)
            if len(entries) < _BATCH:
                break
            below = entries[-1]["seq"]
        return ids[:limit]

    async def several(self, order_ids: Sequence[str]) -> list[OrderRecord]:
        """These orders, in this order; one that does not exist is missing."""
        if not order_ids:
            return []
        entries = await self._ledger.entries_of(self._account.user_wallet_id, order_ids)
        return _gather(order_ids, entries)


def _gather(order_ids: Iterable[str], entries: Iterable[Document]) -> list[OrderRecord]:
    """Latest state and all fills of each order, from the entries that touched them, oldest first."""
    wanted = dict.fromkeys(order_ids)
    latest: dict[str, Document] = {}
    fills: dict[str, list[Fill]] = {order_id: [] for order_id in wanted}
    for entry in entries:
        for order in entry["orders"]:
            if order["order_id"] in wanted:
                latest[order["order_id"]] = order
        for item in entry.get("fills", ()):
            if item["order_id"] in wanted:
                fills[item["order_id"]].append(read_fill(item))
    return [
        OrderRecord(read_order(latest[order_id]), tuple(fills[order_id])) for order_id in wanted if order_id in latest
    ]


def _wanted(item: Fill, symbol: str | None, since: datetime | None, until: datetime | None) -> bool:
    return symbol in {None, item.symbol} and (since is None or item.at >= since) and (until is None or item.at < until)


def replayed(record: OrderRecord) -> OrderRecord:
    """Mark a record as the answer to a repeated request."""
    return replace(record, replayed=True)
