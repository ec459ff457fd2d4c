"""Read and cancel orders of live wallets. Records that may be out of date are refreshed from the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import (
    ConflictError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    WalletConnectionError,
    WalletError,
    WalletInUseError,
)
from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.orders.ended_order import NOTHING_TO_REPLACE, already_ended
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.orders.live.reconciler import OrderReconciler, Queried
from moniqo_core.storage.live.orders import LiveOrderStore

if TYPE_CHECKING:
    from moniqo_core.wallets.venue_wallet import VenueWallet

QUERIES_AT_ONCE: Final = 5
QUERIES_PER_READ: Final = 10
"""Open orders that one read queries at the venue."""

SECONDS_FOR_QUERIES: Final = 5.0


class LiveOrders:
    """The orders of live wallets. The caller has already checked who owns the wallet."""

    def __init__(self, store: LiveOrderStore, now: Clock = utc_now) -> None:
        """Read from ``store``."""
        self._store = store
        self._reconciler = OrderReconciler(store, now)
        self._now = now

    async def refreshed(self, wallet: VenueWallet, order: LiveOrder) -> LiveOrder:
        """Query an order that may have changed. An order that is being sent now is left to its sender."""
        return (await self.try_to_refresh(wallet, order)).order

    async def try_to_refresh(self, wallet: VenueWallet, order: LiveOrder) -> Queried:
        """Query an order as :meth:`refreshed` does, and also return the error if the query failed."""
        if order.has_ended or (order.venue_order_id is None and self._now() <= order.send_by):
            return Queried(order, None)
        try:
            async with asyncio.timeout(SECONDS_FOR_QUERIES):
                return await self._reconciler.try_query(wallet, order)
        except TimeoutError:
            return Queried(order, WalletConnectionError("The venue did not answer in time."))

    async def records(self, orders: Sequence[LiveOrder]) -> list[OrderRecord]:
        """Return orders, which may be of several wallets, with their fills."""
        return await self._reconciler.records(orders)

    async def get(self, wallet: VenueWallet, order_id: str) -> OrderRecord:
        """Return one order, queried at the venue unless it has ended, or raise OrderNotFoundError."""
        order = await self._store.get(wallet.user_wallet_id, order_id)
        return await self._reconciler.record(await self.refreshed(wallet, order))

    async def accepted_under(self, wallet: VenueWallet, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        return await self._store.accepted_under(wallet.user_wallet_id, prefix)

    async def page(self, wallet: VenueWallet, query: OrderQuery) -> tuple[list[OrderRecord], tuple[int, int] | None]:
        """Query open orders at the venue, then return orders, newest first, and the cursor of the next page."""
        await self._refresh(wallet, query.symbol)
        found = await self._store.page(wallet.user_wallet_id, query._replace(limit=query.limit + 1))
        records = await self._reconciler.records(found[: query.limit])
        return records, (found[query.limit - 1].seq, 1) if len(found) > query.limit else None

    async def fills(self, wallet: VenueWallet, query: FillQuery) -> tuple[list[Fill], tuple[int, int] | None]:
        """Query open orders at the venue, then return fills, newest first, and the cursor of the next page."""
        await self._refresh(wallet, query.symbol)
        return await self._store.fills.page(wallet.user_wallet_id, query)

    async def _refresh(self, wallet: VenueWallet, symbol: str | None) -> None:
        """Query a few of the newest open orders. Scheduled reconciliation queries the others."""
        in_flight = await self._store.in_flight(wallet.user_wallet_id, symbol)
        await gather_bounded(partial(self.refreshed, wallet), in_flight[-QUERIES_PER_READ:], QUERIES_AT_ONCE)

    async def cancel(self, wallet: VenueWallet, order_id: str) -> OrderRecord:
        """Cancel an order at the venue.

        Raises:
            OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError: there is nothing to cancel.
            ConflictError: it is not known yet whether the order was placed, or the venue cannot find it now.
            WalletConnectionError: the venue does not answer. The order may still be open.

        """
        return await self._reconciler.record(await self.cancelled(wallet, order_id, by_owner=True))

    async def cancelled(self, wallet: VenueWallet, order_id: str, *, by_owner: bool = False) -> LiveOrder:
        """Cancel an order as :meth:`cancel` does, and return it without its fills.

        ``by_owner`` says that the owner asked to cancel. Only then does it count as a use of the wallet.
        """
        order = await self._store.get(wallet.user_wallet_id, order_id)
        if not order.has_ended and order.venue_order_id is None:
            order = await self.refreshed(wallet, order)
        if order.has_ended:
            raise await self._ended(order)
        if order.venue_order_id is None:
            raise _not_known_yet(order_id)
        with suppress(OrderAlreadyFilledError, OrderAlreadyClosedError, OrderNotFoundError):
            await wallet.cancel_order(order.venue_order_id, order.request.symbol)
        after = await self._reconciler.query(wallet, order, used_at=self._now() if by_owner else None)
        if after.has_ended and after.status is not OrderStatus.CANCELLED:
            raise await self._ended(after)
        if after.misses:
            raise ConflictError(
                f"The venue accepted order {order_id} but cannot find it now.",
                hint="The service keeps asking the venue. Try again in a minute.",
            )
        return after

    async def open_order(self, wallet: VenueWallet, order_id: str) -> OrderRecord:
        """Return an order that is open at the venue, queried now.

        Raises:
            OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError: it is not open.
            ConflictError: it is not known yet whether the order was placed.

        """
        order = await self.refreshed(wallet, await self._store.get(wallet.user_wallet_id, order_id))
        if order.has_ended:
            raise await self._ended(order, NOTHING_TO_REPLACE)
        if order.venue_order_id is None:
            raise _not_known_yet(order_id)
        return await self._reconciler.record(order)

    async def release(self, wallet: VenueWallet, *, force: bool) -> None:
        """Make sure that no order of the wallet can still fill. With ``force``, cancel open orders first.

        Raises:
            WalletInUseError: an order may still fill.
            WalletConnectionError: the venue did not answer a cancellation.

        """
        if force:
            await self.cancel_all(wallet, None)
        left = await self._store.in_flight(wallet.user_wallet_id)
        if left:
            raise WalletInUseError(
                f"{counted(len(left), 'order')} may still fill at the venue.",
                open_orders=len(left),
                hint="Cancel them with DELETE /wallets/{id}/orders?all=true."
                " The service checks orders with status unknown on a schedule.",
            )

    async def _ended(self, order: LiveOrder, hint: str | None = None) -> WalletError:
        return already_ended(await self._reconciler.record(order), hint=hint)

    async def cancel_all(
        self, wallet: VenueWallet, symbol: str | None, side: OrderSide | None = None, *, by_owner: bool = False
    ) -> Sequence[OrderRecord]:
        """Cancel every order of this wallet that may still fill, and return the cancelled orders.

        ``by_owner`` is as for :meth:`cancelled`.

        Raises:
            WalletConnectionError: the venue did not answer for some of them. The others are cancelled.

        """
        in_flight = await self._store.in_flight(wallet.user_wallet_id, symbol)
        chosen = [order for order in in_flight if side is None or order.request.side is side]
        # One failure must not stop the other cancellations, so it is raised after all were tried.
        done = await gather_bounded(partial(self._try_to_cancel, wallet, by_owner=by_owner), chosen, QUERIES_AT_ONCE)
        for outcome in done:
            if isinstance(outcome, Exception):
                raise outcome
        return [record for record in done if isinstance(record, OrderRecord)]

    async def _try_to_cancel(
        self, wallet: VenueWallet, order: LiveOrder, *, by_owner: bool
    ) -> OrderRecord | Exception | None:
        """Return the record of a cancelled order, None if it could not be cancelled, or the error that occurred."""
        try:
            cancelled = await self.cancelled(wallet, order.order_id, by_owner=by_owner)
            return await self._reconciler.record(cancelled)
        except (OrderAlreadyFilledError, OrderAlreadyClosedError, ConflictError):
            return None
        except Exception as error:  # noqa: BLE001  the caller raises it
            return error


def _not_known_yet(order_id: str) -> ConflictError:
    return ConflictError(
        f"It is not yet known whether order {order_id} reached the venue.",
        hint="The service keeps asking the venue. Try again in a minute.",
    )
