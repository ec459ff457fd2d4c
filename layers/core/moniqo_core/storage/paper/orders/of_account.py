"""Reads the orders and fills of a paper wallet from its journal. The account tells which orders are open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from moniqo_core.domain.errors import OrderNotFoundError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill, numbered_order_id, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.storage.document import Document
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.orders.accepting_entries import FIELDS, ages_accepted_by, condition_of
from moniqo_core.storage.paper.orders.first_entries import first_at
from moniqo_core.storage.paper.orders.newest_entries import Listed, newest_items
from moniqo_core.storage.paper.orders.records import records_of, with_exits

_PART_OF_MINUTE: Final = timedelta(minutes=2)
"""A path is walked in whole steps of at most a minute, so its end may be up to that much earlier."""


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

        def wanted(entry: Document) -> list[tuple[Fill, tuple[int, int]]]:
            given = position[1] if position and entry["seq"] == position[0] else 0
            newest_first = [read_fill(item) for item in reversed(entry.get("fills", ()))]
            return [
                (item, (entry["seq"], number))
                for number, item in enumerate(newest_first, 1)
                if number > given and _wanted(item, symbol, since, until)
            ]

        listed = Listed(("seq", "at", "fills"), {} if symbol is None else {"fills.symbol": symbol}, since)
        below = await self._end_of_fills(until) if position is None else min(position[0] + 1, self._end)
        found = await newest_items(self._history, self._wallet, below, listed, wanted, limit + 1)
        page = found[:limit]
        return [item for item, _ in page], page[-1][1] if len(found) > limit else None

    async def _end_of_fills(self, until: datetime | None) -> int:
        """Return the number of an entry from which on no fill is older than ``until``.

        An entry may be much later than its fills. But once all paths were walked to a time, no later entry has an older
        fill, apart from the minute in which the time lies.
        """
        if until is None or until > self._account.at:
            return self._end
        return min(await self._first_at("walked_to", until + _PART_OF_MINUTE) + 1, self._end)

    async def _accepted(self, asked: OrderQuery, limit: int) -> list[tuple[int, int]]:
        """Return ages of orders, newest first. One journal entry accepts an entry order and its exits."""
        after = asked.after

        def wanted(entry: Document) -> list[tuple[int, int]]:
            return [
                age
                for age in ages_accepted_by(entry, asked)
                if (after is None or age < after) and not (asked.only_open is False and self._is_open(age))
            ]

        if asked.client_order_id is not None:
            entry = await self._history.accepting(self._wallet, asked.client_order_id, FIELDS)
            return [] if entry is None else wanted(entry)
        below = self._end if after is None else min(after[0] + 1, self._end)
        if after is None and asked.until is not None and asked.until <= self._account.at:
            below = await self._first_at("at", asked.until)
        listed = Listed(FIELDS, condition_of(asked), asked.since)
        return (await newest_items(self._history, self._wallet, below, listed, wanted, limit))[:limit]

    async def _first_at(self, field: str, moment: datetime) -> int:
        return (await first_at(self._history, [self._account], field, moment))[self._wallet]

    @property
    def _end(self) -> int:
        return self._account.seq + 1

    @property
    def _wallet(self) -> str:
        return self._account.user_wallet_id

    def _is_open(self, age: tuple[int, int]) -> bool:
        return numbered_order_id(*age) in self._account.orders

    async def several(self, order_ids: Sequence[str], *, replayed: bool = False) -> list[OrderRecord]:
        """Return the orders that exist, in the given order. ``replayed`` marks the answer to a repeated request."""
        if not order_ids:
            return []
        entries = await self._history.entries_of(self._wallet, with_exits(order_ids))
        return records_of(self._account, order_ids, entries, replayed=replayed)


def _wanted(item: Fill, symbol: str | None, since: datetime | None, until: datetime | None) -> bool:
    return symbol in {None, item.symbol} and (since is None or item.at >= since) and (until is None or item.at < until)
