"""Placing, reading and cancelling orders of a user's wallet, a paper one or a live one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from moniqo_core.domain.live.order import LiveRecord
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.orders.queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rules import Preflight
from moniqo_core.services.shared.limits import PerMinute
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet

if TYPE_CHECKING:
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.wallets.base import BaseWallet
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet

Record = OrderRecord | LiveRecord


class OrderPage(NamedTuple):
    """Orders newest first; the next page begins after ``next_cursor``, None on the last one."""

    records: Sequence[Record]
    next_cursor: tuple[int, int] | None


class FillPage(NamedTuple):
    """Fills newest first; the next page begins after ``next_cursor``, None on the last one."""

    fills: Sequence[Fill]
    next_cursor: tuple[int, int] | None


class Orders:
    """Orders of one owner's wallets; every method raises NotFoundError for a wallet that is not the owner's."""

    def __init__(self, connector: WalletConnector, limit: PerMinute, live: Callable[[], LivePlacing]) -> None:
        """Open wallets with ``connector``; ``limit`` is on the orders of a user, ``live`` knows orders at venues."""
        self._connector = connector
        self._limit = limit
        self._live = live

    async def place(self, user_id: str, user_wallet_id: str, order: OrderRequest) -> Record:
        """Place an order, or answer the one a repeated ``client_order_id`` placed before, limit or no limit.

        Raises:
            RateLimitExceededError: the user placed too many orders within this minute.

        And everything :meth:`DemoWallet.submit` and :meth:`LivePlacing.place` raise. What is refused or repeated does
        not count.
        """
        wallet, permit = await self._limit.beside(user_id, self._connector.connect(user_id, user_wallet_id))
        if permit.refusal is not None:
            before = await self._accepted_before(wallet, order)
            if before is None:
                raise permit.refusal
            return before
        record = await permit.spend(self._submit(wallet, order))
        if record.replayed:
            await permit.release()
        return record

    async def _submit(self, wallet: BaseWallet, order: OrderRequest) -> Record:
        if isinstance(wallet, DemoWallet):
            return await wallet.submit(order)
        return await self._live().place(cast("ExchangeWallet", wallet), order)

    async def _accepted_before(self, wallet: BaseWallet, order: OrderRequest) -> Record | None:
        if isinstance(wallet, DemoWallet):
            return await wallet.accepted_before(order)
        return await self._live().accepted_before(cast("ExchangeWallet", wallet), order)

    async def preflight(self, user_id: str, user_wallet_id: str, order: OrderRequest) -> Preflight:
        """Check an order without placing it; raises MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if isinstance(wallet, DemoWallet):
            return await wallet.preflight(order)
        return await self._live().pre_trade.preflight(cast("ExchangeWallet", wallet), order)

    async def close_position(self, user_id: str, user_wallet_id: str, symbol: str) -> Record:
        """Sell all that is held of a symbol at market.

        Raises:
            OrderRejectedError: nothing is held.
            RateLimitExceededError: the user placed too many orders within this minute.

        """
        wallet, permit = await self._limit.beside(user_id, self._connector.connect(user_id, user_wallet_id))
        permit.require()
        if isinstance(wallet, DemoWallet):
            return await permit.spend(wallet.close_position(symbol))
        return await permit.spend(self._live().close_position(cast("ExchangeWallet", wallet), symbol))

    async def get(self, user_id: str, user_wallet_id: str, order_id: str) -> Record:
        """One order as it stands now; raises OrderNotFoundError."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if not isinstance(wallet, DemoWallet):
            return await self._live().book.get(cast("ExchangeWallet", wallet), order_id)
        await wallet.evaluate()
        return await wallet.orders().get(order_id)

    async def page(self, user_id: str, user_wallet_id: str, query: OrderQuery) -> OrderPage:
        """Orders newest first."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if not isinstance(wallet, DemoWallet):
            return OrderPage(*await self._live().book.page(cast("ExchangeWallet", wallet), query))
        await wallet.evaluate()
        return OrderPage(*await wallet.orders().page(query))

    async def cancel(self, user_id: str, user_wallet_id: str, order_id: str) -> Record:
        """Cancel an order; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if isinstance(wallet, DemoWallet):
            return await wallet.cancel(order_id)
        return await self._live().book.cancel(cast("ExchangeWallet", wallet), order_id)

    async def cancel_all(self, user_id: str, user_wallet_id: str, symbol: str | None) -> Sequence[Record]:
        """Cancel every open order, or those of one symbol: a paper wallet's in one commit."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if isinstance(wallet, DemoWallet):
            return await wallet.cancel_all(symbol)
        return await self._live().book.cancel_all(cast("ExchangeWallet", wallet), symbol)

    async def fills(self, user_id: str, user_wallet_id: str, query: FillQuery) -> FillPage:
        """Fills newest first."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        if not isinstance(wallet, DemoWallet):
            return FillPage(*await self._live().book.fills(cast("ExchangeWallet", wallet), query))
        await wallet.evaluate()
        return FillPage(*await wallet.orders().fills(query))
