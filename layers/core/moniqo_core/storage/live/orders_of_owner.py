"""Lists of live orders over several wallets of one owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.live.live_order_codec import ORDERS, read_live
from moniqo_core.storage.live.order_filter import wanted_orders
from moniqo_core.storage.live.pre_trade_state import MAY_STILL_FILL
from moniqo_core.storage.live.time_bounds import admits, before

_NEWEST_FIRST: Final = [("created_at", -1), ("user_wallet_id", -1), ("seq", -1)]
_ALL: Final = 0
"""The limit for all orders of one moment. Each wallet places one at a time, so these are few."""


class LiveOrdersOfOwner:
    """Reads the orders of some wallets of one owner, in one round trip for all of them."""

    def __init__(self, database: Database, user_id: str, user_wallet_ids: Sequence[str]) -> None:
        """Read the orders of these wallets, which the caller has found to be the user's."""
        self._orders = database[ORDERS]
        # The index begins with the owner, and the wallets leave out those that were deleted.
        self._owned: Document = {"user_id": user_id, "user_wallet_id": {"$in": list(user_wallet_ids)}}

    async def newest_in_flight(self, limit: int) -> list[LiveOrder]:
        """Return up to ``limit`` orders that may still fill, newest first."""
        return await self._newest({**self._owned, "status": {"$in": list(MAY_STILL_FILL)}}, limit)

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> list[LiveOrder]:
        """Return orders below the position ``after``, newest first. The cursor of ``query`` is not used."""
        wanted = {**self._owned, **wanted_orders(query)}
        if after is None:
            return await self._newest(wanted, query.limit)
        bounds, moment = wanted.pop("created_at", {}), after.created_at
        found: list[LiveOrder] = []
        if admits(bounds, moment):
            of_moment = await self._newest({**wanted, "created_at": moment}, _ALL)
            found = [order for order in of_moment if _position(order) < after][: query.limit]
        if len(found) < query.limit:
            older = {**wanted, "created_at": before(bounds, moment)}
            found += await self._newest(older, query.limit - len(found))
        return found

    async def _newest(self, wanted: Document, limit: int) -> list[LiveOrder]:
        found = self._orders.find(wanted).sort(_NEWEST_FIRST).limit(limit)
        return [read_live(document) async for document in found]


def _position(order: LiveOrder) -> OrderPosition:
    return OrderPosition(order.created_at, order.user_wallet_id, order.seq, 1)
