"""Reconcile orders on a schedule: those with an unknown outcome and those open at their venue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.orders.live.orders import LiveOrders
from moniqo_core.services.orders.live.reconciler import OrderReconciler, fields_of
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.wallets.connector import WalletConnector

if TYPE_CHECKING:
    from moniqo_core.wallets.venue_wallet import VenueWallet

log: Final = logging.getLogger("moniqo")

ORDERS_PER_VENUE: Final = 500
WALLETS_AT_ONCE: Final = 10
SECONDS_PER_WALLET: Final = 15.0
SECONDS: Final = 45.0
STOPPED_PAUSE: Final = timedelta(minutes=1)
"""The longest wait before the cancellation of a stopped buy order is tried again."""
FEW: Final = 2
"""Up to this number of open orders of a wallet are queried one by one. More are listed by one call."""


class ReconciliationReport(NamedTuple):
    """The numbers of orders queried, of those that had ended, and of orders left for the next run."""

    queried: int
    ended: int
    postponed: int


class OrderReconciliation:
    """Queries orders that are due. While buys of a wallet are stopped, its open buys among them are cancelled.

    Venues are queried concurrently, so one that hangs does not delay the others. Two concurrent runs may query the same
    order. Their results take effect one after the other, because a write names the version that it replaces.
    """

    def __init__(self, database: Database, connector: WalletConnector, now: Clock = utc_now) -> None:
        """Use ``database``, and open wallets with ``connector``."""
        self._store = LiveOrderStore(database)
        self._wallets = UserWalletStore(database)
        self._connector = connector
        self._reconciler = OrderReconciler(self._store, now)
        self._orders = LiveOrders(self._store, now)
        self._now = now

    async def reconcile(self, seconds: float = SECONDS) -> ReconciliationReport:
        """Query the orders that are due within ``seconds``: of each venue, those that have waited longest.

        If every venue fails, the failure of one is raised. Otherwise failures are only logged.
        """
        venues = await self._store.venues_to_reconcile(self._now())
        done = await asyncio.gather(*(self._venue(venue, seconds) for venue in venues), return_exceptions=True)
        reports = [one for one in done if isinstance(one, ReconciliationReport)]
        for venue, failure in zip(venues, done, strict=True):
            if isinstance(failure, BaseException):
                if not reports:
                    raise failure
                log.error("orders of a venue not reconciled", exc_info=failure, extra={"fields": {"venue": venue}})
        return (
            ReconciliationReport(*(sum(numbers) for numbers in zip(*reports, strict=True)))
            if reports
            else ReconciliationReport(0, 0, 0)
        )

    async def _venue(self, venue: str, seconds: float) -> ReconciliationReport:
        due = await self._store.to_reconcile(venue, self._now(), ORDERS_PER_VENUE)
        by_wallet = [
            list(orders)
            for _, orders in groupby(
                sorted(due, key=lambda order: order.user_wallet_id), lambda order: order.user_wallet_id
            )
        ]
        known = await self._wallets.several([orders[0].user_wallet_id for orders in by_wallet])
        opened = await self._connector.connect_live_many(known)
        stopped = {wallet.id for wallet in known if wallet.buys_stopped}
        queried: list[LiveOrder] = []

        async def one_wallet(orders: Sequence[LiveOrder]) -> None:
            wallet_id = orders[0].user_wallet_id
            await self._wallet(opened.get(wallet_id), orders, queried, stops=wallet_id in stopped)

        try:
            async with asyncio.timeout(seconds):
                await gather_bounded(one_wallet, by_wallet, WALLETS_AT_ONCE)
        except TimeoutError:
            log.warning("orders of a venue not all reconciled in time", extra={"fields": {"venue": venue}})
        ended = sum(order.has_ended for order in queried)
        return ReconciliationReport(len(queried), ended, len(due) - len(queried))

    async def _wallet(
        self, wallet: VenueWallet | None, orders: Sequence[LiveOrder], queried: list[LiveOrder], *, stops: bool
    ) -> None:
        """Query the orders of one wallet. If one fails, it and those after it are postponed.

        While a pause or a loss limit ``stops`` buying, open buy orders are cancelled. A failed cancellation is tried
        again in a minute.
        """
        at = 0
        try:
            async with asyncio.timeout(SECONDS_PER_WALLET):
                if wallet is not None:
                    async with wallet:
                        listed = await self._listed(wallet, orders)
                        for order in orders:
                            acknowledged = await self._one(wallet, order, listed)
                            buying = acknowledged.is_at_venue and acknowledged.request.side is OrderSide.BUY
                            queried.append(
                                await self._cancelled(wallet, acknowledged) if stops and buying else acknowledged
                            )
                            at += 1
        except TimeoutError:
            log.warning("orders not reconciled in time", extra={"fields": {"user_wallet_id": orders[0].user_wallet_id}})
        except Exception:
            # One wallet that cannot be reconciled must not stop the others.
            log.exception("reconciliation failed", extra={"fields": {"user_wallet_id": orders[0].user_wallet_id}})
        for order in orders[at:]:
            await self._reconciler.postpone(order)
        if stops:
            await self._store.expedite([orders[0].user_wallet_id], self._now() + STOPPED_PAUSE)

    async def _listed(self, wallet: VenueWallet, orders: Sequence[LiveOrder]) -> dict[str, Any]:
        """Return open orders by the venue's id if there are many to query, else an empty mapping."""
        if sum(order.is_at_venue for order in orders) <= FEW:
            return {}
        try:
            return {found.order_id: found for found in await wallet.get_open_orders()}
        except WalletError:
            return {}

    async def _one(self, wallet: VenueWallet, order: LiveOrder, listed: dict[str, Any]) -> LiveOrder:
        found = listed.get(order.venue_order_id or "")
        if found is not None:
            return await self._reconciler.write(wallet, order, self._reconciler.apply_report(found))
        return await self._reconciler.query(wallet, order)

    async def _cancelled(self, wallet: VenueWallet, order: LiveOrder) -> LiveOrder:
        """Cancel an order. If that fails, it is tried again with the next query."""
        try:
            return await self._orders.cancelled(wallet, order.order_id)
        except WalletError as error:
            named = {**fields_of(order), "reason": type(error).__name__}
            log.warning("buy order not cancelled", extra={"fields": named})
            return order
