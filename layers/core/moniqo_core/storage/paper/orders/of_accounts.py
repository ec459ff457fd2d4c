"""Reads the orders of several paper wallets from their journals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.order import numbered_order_id, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.history import QUERIES_AT_ONCE, DemoHistory
from moniqo_core.storage.paper.orders.newest_of_wallets import newest_positions
from moniqo_core.storage.paper.orders.of_account import OrderReader


class OrdersOfAccounts:
    """Reads the orders of some accounts."""

    def __init__(self, database: Database, accounts: Mapping[str, Account]) -> None:
        """Read for ``accounts`` by their wallet's id. They hold the open orders."""
        self._history = DemoHistory(database)
        self._accounts = accounts

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> list[OrderRecord]:
        """Return orders below the position ``after``, newest first. The cursor of ``query`` is not used.

        Each wallet with an order on the page takes one query, and so does each wallet of a list with a filter. What the
        queries read depends neither on the lengths of the journals nor on where the page begins.
        """
        if query.only_open:
            positions = sorted(self._open(query, after), reverse=True)
        else:
            positions = await newest_positions(self._history, self._accounts.values(), query, after)
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

    async def _records(self, positions: Sequence[OrderPosition]) -> list[OrderRecord]:
        ids: dict[str, list[str]] = {}
        for position in positions:
            ids.setdefault(position.user_wallet_id, []).append(_order_id(position))

        async def of_wallet(wallet: str) -> list[OrderRecord]:
            return await OrderReader(self._history, self._accounts[wallet]).several(ids[wallet])

        read = await gather_bounded(of_wallet, ids, QUERIES_AT_ONCE)
        found = {(record.user_wallet_id, record.order_id): record for own in read for record in own}
        return [found[position.user_wallet_id, _order_id(position)] for position in positions]


def _order_id(position: OrderPosition) -> str:
    return numbered_order_id(position.seq, position.number)
