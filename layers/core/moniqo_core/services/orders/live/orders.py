"""Reading and cancelling orders of live wallets: our record, refreshed by the venue where something may have moved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import (
    ConflictError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    WalletError,
    WalletInUseError,
)
from moniqo_core.domain.live.order import LiveOrder, LiveRecord
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus
from moniqo_core.domain.orders.queries import FillQuery, OrderQuery
from moniqo_core.services.orders.live.reconciler import OrderReconciler
from moniqo_core.storage.live.orders import LiveOrderStore

if TYPE_CHECKING:
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet

QUERIES_AT_ONCE: Final = 5
QUERIES_PER_READ: Final = 10
"""Open orders a read asks the venue about."""

SECONDS_FOR_QUERIES: Final = 5.0


class LiveBook:
    """The orders of live wallets. Whose wallet it is was checked when it was opened."""

    def __init__(self, store: LiveOrderStore, now: Clock = utc_now) -> None:
        """Read from ``store``."""
        self._store = store
        self._reconciler = OrderReconciler(store, now)
        self._now = now

    async def refreshed(self, wallet: ExchangeWallet, order: LiveOrder) -> LiveOrder:
        """Ask the venue about an order that may have moved; what is being sent right now is left to its sender."""
        if order.has_ended or (order.venue_order_id is None and self._now() <= order.send_by):
            return order
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_FOR_QUERIES):
                return await self._reconciler.query(wallet, order)
        return order

    async def get(self, wallet: ExchangeWallet, order_id: str) -> LiveRecord:
        """One order, asked about at the venue unless it ended; raises OrderNotFoundError."""
        order = await self._store.get(wallet.user_wallet_id, order_id)
        return await self._reconciler.record(await self.refreshed(wallet, order))

    async def page(self, wallet: ExchangeWallet, query: OrderQuery) -> tuple[list[LiveRecord], tuple[int, int] | None]:
        """Orders newest first, open ones asked about at the venue, and where the next page begins."""
        await self._refresh(wallet, query.symbol)
        found = await self._store.page(wallet.user_wallet_id, query._replace(limit=query.limit + 1))
        records = await self._reconciler.records(found[: query.limit])
        return records, (found[query.limit - 1].seq, 1) if len(found) > query.limit else None

    async def fills(self, wallet: ExchangeWallet, query: FillQuery) -> tuple[list[Fill], tuple[int, int] | None]:
        """Fills newest first, open orders asked about at the venue, and where the next page begins."""
        await self._refresh(wallet, query.symbol)
        return await self._store.fills.page(wallet.user_wallet_id, query)

    async def _refresh(self, wallet: ExchangeWallet, symbol: str | None) -> None:
        """Ask about what is open, a few orders at most: the schedule looks at the others."""
        in_flight = await self._store.in_flight(wallet.user_wallet_id, symbol)
        turn = asyncio.Semaphore(QUERIES_AT_ONCE)

        async def in_turn(order: LiveOrder) -> None:
            async with turn:
                await self.refreshed(wallet, order)

        await asyncio.gather(*(in_turn(order) for order in in_flight[-QUERIES_PER_READ:]))

    async def cancel(self, wallet: ExchangeWallet, order_id: str) -> LiveRecord:
        """Cancel an order at the venue.

        Raises:
            OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError: there is nothing to cancel.
            ConflictError: nobody knows yet whether it was placed, or the venue does not find it now.
            WalletConnectionError: the venue does not answer; the order may be open still.

        """
        order = await self._store.get(wallet.user_wallet_id, order_id)
        if not order.has_ended and order.venue_order_id is None:
            order = await self.refreshed(wallet, order)
        if order.has_ended:
            raise await self._ended(order)
        if order.venue_order_id is None:
            raise ConflictError(
                f"It is not yet known whether order {order_id} reached the venue.",
                hint="The service checks the venue every minute. Try again in a minute.",
            )
        with suppress(OrderAlreadyFilledError, OrderAlreadyClosedError, OrderNotFoundError):
            await wallet.cancel_order(order.venue_order_id, order.request.symbol)
        after = await self._reconciler.query(wallet, order)
        if after.has_ended and after.status is not OrderStatus.CANCELLED:
            raise await self._ended(after)
        if after.misses:
            raise ConflictError(
                f"The venue accepted order {order_id} but cannot find it now.",
                hint="The service checks the venue every minute. Try again in a minute.",
            )
        return await self._reconciler.record(after)

    async def leave(self, wallet: ExchangeWallet, *, force: bool) -> None:
        """See to it that no order of a wallet can still fill, cancelling with ``force``; raises WalletInUseError."""
        if force:
            await self.cancel_all(wallet, None)
        left = await self._store.in_flight(wallet.user_wallet_id)
        if left:
            raise WalletInUseError(
                f"{counted(len(left), 'order')} may still fill at the venue.",
                open_orders=len(left),
                hint="Cancel them with DELETE /wallets/{id}/orders. Unknown orders are checked every minute.",
            )

    async def _ended(self, order: LiveOrder) -> WalletError:
        record = await self._reconciler.record(order)
        kind = OrderAlreadyFilledError if order.status is OrderStatus.FILLED else OrderAlreadyClosedError
        return kind(f"Order {order.order_id} is already {order.status}.", order=record)

    async def cancel_all(
        self, wallet: ExchangeWallet, symbol: str | None, side: OrderSide | None = None
    ) -> Sequence[LiveRecord]:
        """Cancel every order of this wallet that is known to be open, and return those that were cancelled.

        Raises:
            WalletConnectionError: the venue did not answer for some of them; the others are cancelled.

        """
        in_flight = await self._store.in_flight(wallet.user_wallet_id, symbol)
        turn = asyncio.Semaphore(QUERIES_AT_ONCE)

        async def in_turn(order: LiveOrder) -> LiveRecord | None:
            async with turn:
                with suppress(OrderAlreadyFilledError, OrderAlreadyClosedError, ConflictError):
                    return await self.cancel(wallet, order.order_id)
                return None

        chosen = [order for order in in_flight if side is None or order.request.side is side]
        done = await asyncio.gather(*(in_turn(order) for order in chosen), return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
        return [record for record in done if isinstance(record, LiveRecord)]
