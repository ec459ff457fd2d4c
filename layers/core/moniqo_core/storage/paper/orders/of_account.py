"""Reads the orders and fills of a paper wallet from its journal. The account tells which orders are open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from moniqo_core.domain.errors import OrderNotFoundError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill, numbered_order_id, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.orders.accepting_entries import BATCH, FIELDS, ages_accepted_by, entries_that_accept
from moniqo_core.storage.paper.orders.records import records_of, with_exits


class OrderReader:
    """Reads the orders and fills of one account."""

    def __init__(self, history: DemoHistory, account: Account) -> None:
        """Read for ``account``, which holds the open orders."""
        self._history = history
        self._account = account

    async def get(self, order_id: str, *, replayed: bool = False) -> OrderRecord:
        """Return one order. ``replayed`` marks the answer to a repeated request.

        Raises:
            OrderNotFoundError: the wallet has no such order.

        """
        records = await self.several([order_id], replayed=replayed)
        if not records:
            raise OrderNotFoundError(f"This wallet has no order {order_id[:40]!r}.")
        return records[0]

    async def page(self, query: OrderQuery) -> tuple[list[OrderRecord], tuple[int, int] | None]:
        """Return orders, newest first, and the cursor of the next page. Exits are newer than their entry order.

        A cursor is the age of an order: the sequence number of the entry that accepted it, and its number in that
        entry.

        No index covers the filters other than ``client_order_id``. The database scans the entries of the wallet from
        the cursor back, until a page is full. With an ``until`` long ago, it first scans every later entry. If a page
        finds fewer orders than its limit, it scans back to the first entry, even with a ``since``.
        """
        limit, after = query.limit, query.after
        if query.only_open:
            ages = [
                order_age(order_id)
                for order_id, order in self._account.orders.items()
                if query.symbol in {None, order.symbol}
                and query.admits(order.side, order.type, order.client_order_id, order.created_at)
            ]
            ages = sorted((age for age in ages if after is None or age < after), reverse=True)
        else:
            ages = await self._accepted(query, limit + 1)
        records = await self.several([numbered_order_id(*age) for age in ages[:limit]])
        return records, ages[limit - 1] if len(ages) > limit else None

    async def fills(self, asked: FillQuery) -> tuple[list[Fill], tuple[int, int] | None]:
        """Return fills, newest first, and the cursor of the next page.

        A cursor is a sequence number, and the number of fills of that entry that were already returned.
        """
        limit, symbol, since, until, position = asked
        found: list[tuple[Fill, tuple[int, int]]] = []
        query: dict[str, object] = {"fills.symbol": symbol} if symbol is not None else {"fills": {"$exists": True}}
        below = position[0] + 1 if position else None
        while len(found) <= limit:
            entries = await self._history.newest(self._account.user_wallet_id, query, below, BATCH)
            for entry in entries:
                given = position[1] if position and entry["seq"] == position[0] else 0
                newest_first = [read_fill(item) for item in reversed(entry["fills"])]
                found += [
                    (item, (entry["seq"], number))
                    for number, item in enumerate(newest_first, 1)
                    if number > given and _wanted(item, symbol, since, until)
                ]
            if len(entries) < BATCH or (since is not None and entries[-1]["at"] < since):
                break
            below = entries[-1]["seq"]
        page = found[:limit]
        return [item for item, _ in page], page[-1][1] if len(found) > limit else None

    async def _accepted(self, asked: OrderQuery, limit: int) -> list[tuple[int, int]]:
        """Return ages of orders, newest first. One journal entry accepts an entry order and its exits."""
        after = asked.after
        query = entries_that_accept(asked)
        ages: list[tuple[int, int]] = []
        below = None if after is None else after[0] + 1
        while len(ages) < limit:
            entries = await self._history.newest(self._account.user_wallet_id, query, below, BATCH, FIELDS)
            for entry in entries:
                ages += [
                    age
                    for age in ages_accepted_by(entry, asked)
                    if (after is None or age < after) and not (asked.only_open is False and self._is_open(age))
                ]
            if len(entries) < BATCH:
                break
            below = entries[-1]["seq"]
        return ages[:limit]

    def _is_open(self, age: tuple[int, int]) -> bool:
        return numbered_order_id(*age) in self._account.orders

    async def several(self, order_ids: Sequence[str], *, replayed: bool = False) -> list[OrderRecord]:
        """Return the orders that exist, in the given order. ``replayed`` marks the answer to a repeated request."""
        if not order_ids:
            return []
        entries = await self._history.entries_of(self._account.user_wallet_id, with_exits(order_ids))
        return records_of(self._account, order_ids, entries, replayed=replayed)


def _wanted(item: Fill, symbol: str | None, since: datetime | None, until: datetime | None) -> bool:
    return symbol in {None, item.symbol} and (since is None or item.at >= since) and (until is None or item.at < until)
