"""Cancel the open buy orders of live wallets that were paused or reached a loss limit. Sell orders stay open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import ConflictError, WalletError
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.orders.live.orders import LiveOrders
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.wallets.connector import WalletConnector

if TYPE_CHECKING:
    from moniqo_core.wallets.venue_wallet import VenueWallet

log: Final = logging.getLogger("moniqo")

WALLETS_AT_ONCE: Final = 10
SECONDS: Final = 10.0


class BuyCancellation:
    """Cancels buys at once. The wallet's field ``buys_stopped`` makes reconciliation cancel those that are left."""

    def __init__(self, database: Database, connector: WalletConnector, now: Clock = utc_now) -> None:
        """Use ``database``, and open wallets with ``connector``."""
        self._wallets = UserWalletStore(database)
        self._store = LiveOrderStore(database)
        self._orders = LiveOrders(self._store, now)
        self._connector = connector
        self._now = now

    async def stop(self, user_wallet_ids: Sequence[str]) -> None:
        """Cancel buy orders of wallets that are still stopped. Failures are logged and left to reconciliation."""
        await self._store.expedite(user_wallet_ids, self._now())
        found = await self._wallets.several(user_wallet_ids)
        stopped = [wallet for wallet in found if wallet.buys_stopped]
        try:
            async with asyncio.timeout(SECONDS):
                opened = await self._connector.connect_live_many(stopped)
                await gather_bounded(self._one, opened.values(), WALLETS_AT_ONCE)
        except TimeoutError:
            log.warning("not all buy orders cancelled in time")

    async def _one(self, account: VenueWallet) -> None:
        named = {"user_wallet_id": account.user_wallet_id}
        try:
            async with account:
                done = await self._orders.cancel_all(account, None, OrderSide.BUY)
        except WalletError as error:
            log.warning("buy orders not cancelled", extra={"fields": {**named, "reason": type(error).__name__}})
        except Exception:
            log.exception("buy orders not cancelled", extra={"fields": named})
        else:
            log.info("buy orders of a stopped wallet cancelled", extra={"fields": {**named, "cancelled": len(done)}})

    async def require_done(self, user_wallet_id: str) -> None:
        """Raise ConflictError while a buy order of a wallet may still fill."""
        in_flight = await self._store.in_flight(user_wallet_id)
        left = sum(order.request.side is OrderSide.BUY for order in in_flight)
        if left:
            raise ConflictError(
                f"{counted(left, 'buy order')} of the paused wallet may still fill at the venue.",
                open_orders=left,
                hint="The service retries the cancellation every minute. Send"
                ' {"confirm": true} to POST /wallets/{id}/resume when it is done.',
            )
