"""List the orders of all wallets of a user."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.orders.all_wallets.known_symbols import require_known_symbol
from moniqo_core.services.orders.all_wallets.paper import PaperOrdersOfAll
from moniqo_core.services.orders.all_wallets.source import FailedWallet, OrderSource, failed_unexpectedly
from moniqo_core.storage.document import Database
from moniqo_core.storage.user_wallets.of_owner import wallets_of_owner
from moniqo_core.wallets.connector import WalletConnector


class OrdersOfAllWallets(NamedTuple):
    """Orders, newest first.

    ``next_cursor`` is the position of the last of them, or None on the last page. The orders of ``failed`` wallets may
    be out of date or missing.
    """

    records: Sequence[OrderRecord]
    next_cursor: OrderPosition | None
    failed: Sequence[FailedWallet]


class AllOrders:
    """Lists orders over all wallets of a user. The number of round trips does not depend on the number of wallets."""

    def __init__(self, database: Database, connector: WalletConnector) -> None:
        """Open wallets with ``connector``. They and their orders are in ``database``."""
        self._database = database
        self._connector = connector

    async def page(self, user_id: str, query: OrderQuery, after: OrderPosition | None) -> OrdersOfAllWallets:
        """Bring open orders up to now, then return a page of orders below the position ``after``.

        A wallet whose orders cannot be brought up to now does not keep the others from being listed.

        Raises:
            InvalidSymbolError: no wallet of the user trades the symbol of the query, and none ever did.

        """
        wallets, broken = await wallets_of_owner(self._database, user_id)
        sources = self._sources(wallets)
        one_more = query._replace(limit=query.limit + 1)
        parts = await asyncio.gather(*(self._part(source, one_more, after) for source in sources))
        found = sorted(chain(*(part.records for part in parts)), key=OrderPosition.of, reverse=True)
        if not found and query.symbol is not None:
            await require_known_symbol(sources, query.symbol)
        records = found[: query.limit]
        next_cursor = OrderPosition.of(records[-1]) if len(found) > query.limit else None
        failed = [*chain(*(part.failed for part in parts)), *map(failed_unexpectedly, broken)]
        return OrdersOfAllWallets(records, next_cursor, failed)

    async def _part(self, source: OrderSource, query: OrderQuery, after: OrderPosition | None) -> OrdersOfAllWallets:
        failed = await source.update()
        return OrdersOfAllWallets(await source.page(query, after), None, failed)

    def _sources(self, wallets: Sequence[UserWallet]) -> list[OrderSource]:
        paper = [wallet.id for wallet in wallets if wallet.is_demo]
        live = [wallet for wallet in wallets if not wallet.is_demo]
        sources: list[OrderSource] = []
        if paper:
            sources.append(PaperOrdersOfAll(self._connector, self._database, paper))
        if live:
            # The parts of real money are loaded only where there is any.
            from moniqo_core.services.orders.all_wallets.live import LiveOrdersOfAll

            sources.append(LiveOrdersOfAll(self._connector, self._database, live))
        return sources
