"""Orders of all live wallets of a user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.errors import WalletConnectionError, WalletError
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.orders.all_wallets.source import SECONDS_TO_UPDATE, FailedWallet
from moniqo_core.services.orders.live.orders import QUERIES_AT_ONCE, LiveOrders
from moniqo_core.services.orders.symbol_filter import refusal_of
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.live.orders_of_owner import LiveOrdersOfOwner

if TYPE_CHECKING:
    from moniqo_core.domain.errors import InvalidSymbolError
    from moniqo_core.domain.live.order import LiveOrder
    from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
    from moniqo_core.domain.orders.record import OrderRecord
    from moniqo_core.domain.wallets.user_wallet import UserWallet
    from moniqo_core.wallets.connector import WalletConnector
    from moniqo_core.wallets.venue_wallet import VenueWallet

log: Final = logging.getLogger("moniqo")

QUERIES_PER_READ: Final = 20
"""Open orders of all wallets that one read queries at their venues, newest first. A schedule queries the others."""


class LiveOrdersOfAll:
    """Implements :class:`moniqo_core.services.orders.all_wallets.source.OrderSource` for live wallets."""

    def __init__(self, connector: WalletConnector, database: Database, wallets: Sequence[UserWallet]) -> None:
        """Open these ``wallets`` of one user with ``connector``. Their orders are in ``database``."""
        self._connector = connector
        self._wallets = wallets
        self._orders = LiveOrders(LiveOrderStore(database))
        self._stored = LiveOrdersOfOwner(database, wallets[0].user_id, [wallet.id for wallet in wallets])

    async def update(self) -> Sequence[FailedWallet]:
        """Query the newest open orders at their venues. Without an answer, an order stays as last known."""
        by_wallet: dict[str, list[LiveOrder]] = {}
        for order in await self._stored.newest_in_flight(QUERIES_PER_READ):
            by_wallet.setdefault(order.user_wallet_id, []).append(order)
        deadline = asyncio.get_running_loop().time() + SECONDS_TO_UPDATE
        opened: Mapping[str, VenueWallet] = {}
        # Each wallet may wait for its key, which must not cost the orders of the others.
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                opened = await self._open([wallet for wallet in self._wallets if wallet.id in by_wallet])

        async def failed(order: LiveOrder) -> FailedWallet | None:
            code = await self._refresh(opened.get(order.user_wallet_id), order, deadline)
            return None if code is None else FailedWallet(order.user_wallet_id, code)

        # All at once, so that a venue that hangs leaves the others their time.
        found = await asyncio.gather(*(failed(order) for own in by_wallet.values() for order in own))
        first = {item.user_wallet_id: item for item in reversed(found) if item is not None}
        return [first[name] for name in by_wallet if name in first]

    async def _refresh(self, wallet: VenueWallet | None, order: LiveOrder, deadline: float) -> str | None:
        """Query one order. If that fails, return the code of the error."""
        if wallet is None:
            return WalletConnectionError.code
        try:
            async with asyncio.timeout_at(deadline):
                failure = (await self._orders.try_to_refresh(wallet, order)).failure
        except TimeoutError:
            return WalletConnectionError.code
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("open order not queried", extra={"fields": {"user_wallet_id": order.user_wallet_id}})
            return WalletError.code
        return None if failure is None else failure.code

    async def _open(self, wallets: Sequence[UserWallet], *, with_key: bool = True) -> Mapping[str, VenueWallet]:
        if not wallets:
            return {}
        opened = await self._connector.connect_live_many(wallets, with_key=with_key)
        for wallet in opened.values():
            await wallet.initialize()
        return opened

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> Sequence[OrderRecord]:
        """Return stored orders, in two round trips for all wallets."""
        return await self._orders.records(await self._stored.page(query, after))

    async def refusals(self, symbol: str) -> Sequence[InvalidSymbolError | None]:
        """Return why a symbol cannot be traded, for one wallet of each definition. Its other wallets trade the same."""
        of_each = {wallet.wallet_id: wallet for wallet in self._wallets}
        opened = await self._open(list(of_each.values()), with_key=False)
        return await gather_bounded(partial(refusal_of, symbol), opened.values(), QUERIES_AT_ONCE)
