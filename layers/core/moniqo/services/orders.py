"""Placing, reading and cancelling orders of a user's wallet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from moniqo.domain.command import Place
from moniqo.domain.errors import ForbiddenError
from moniqo.domain.order import Fill
from moniqo.domain.preflight import Preflight
from moniqo.services.limits import PerMinute
from moniqo.wallets.demo import DemoWallet
from moniqo.wallets.demo_orders import OrderRecord
from moniqo.wallets.registry import WalletConnector


class OrderPage(NamedTuple):
    """Orders newest first; ``next_position`` is where the next page begins."""

    records: Sequence[OrderRecord]
    next_position: tuple[int, int] | None


class FillPage(NamedTuple):
    """Fills newest first; ``next_position`` is where the next page begins."""

    fills: Sequence[Fill]
    next_position: tuple[int, int] | None


class Orders:
    """Orders of one owner's wallets; every method raises NotFoundError for a wallet that is not the owner's."""

    def __init__(self, connector: WalletConnector, limit: PerMinute) -> None:
        """Open wallets with ``connector``; ``limit`` is on the orders of a user."""
        self._connector = connector
        self._limit = limit

    async def place(self, user_id: str, user_wallet_id: str, order: Place) -> OrderRecord:
        """Place an order, or answer the one a repeated ``client_order_id`` placed before, limit or no limit.

        Raises:
            RateLimitExceededError: the user placed too many orders within this minute.

        And everything :meth:`DemoWallet.submit` raises. What is refused or repeated does not count.
        """
        wallet, permit = await self._limit.beside(user_id, self._tradable(user_id, user_wallet_id))
        if permit.refusal is not None:
            before = await wallet.accepted_before(order)
            if before is None:
                raise permit.refusal
            return before
        record = await permit.spend(wallet.submit(order))
        if record.replayed:
            await permit.give_back()
        return record

    async def preflight(self, user_id: str, user_wallet_id: str, order: Place) -> Preflight:
        """Check an order without placing it; raises MarketDataError."""
        wallet = await self._tradable(user_id, user_wallet_id)
        return await wallet.preflight(order)

    async def close_position(self, user_id: str, user_wallet_id: str, symbol: str) -> OrderRecord:
        """Sell all that is held of a symbol at market.

        Raises:
            OrderRejectedError: nothing is held.
            RateLimitExceededError: the user placed too many orders within this minute.

        """
        wallet, permit = await self._limit.beside(user_id, self._tradable(user_id, user_wallet_id))
        permit.require()
        return await permit.spend(wallet.close_position(symbol))

    async def get(self, user_id: str, user_wallet_id: str, order_id: str) -> OrderRecord:
        """One order as it stands now; raises OrderNotFoundError."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        await wallet.evaluate()
        return await wallet.orders().get(order_id)

    async def page(
        self,
        user_id: str,
        user_wallet_id: str,
        *,
        only_open: bool | None,
        symbol: str | None,
        after: tuple[int, int] | None,
        limit: int,
    ) -> OrderPage:
        """Orders newest first; ``only_open`` of None gives open and closed ones."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        await wallet.evaluate()
        return OrderPage(*await wallet.orders().page(only_open=only_open, symbol=symbol, after=after, limit=limit))

    async def cancel(self, user_id: str, user_wallet_id: str, order_id: str) -> OrderRecord:
        """Cancel an order; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.cancel(order_id)

    async def cancel_all(self, user_id: str, user_wallet_id: str, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every open order, or those of one symbol, in one commit."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.cancel_all(symbol)

    async def fills(
        self,
        user_id: str,
        user_wallet_id: str,
        *,
        symbol: str | None,
        since: datetime | None,
        until: datetime | None,
        position: tuple[int, int] | None,
        limit: int,
    ) -> FillPage:
        """Fills newest first, from ``since`` (inclusive) to ``until`` (exclusive)."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        await wallet.evaluate()
        return FillPage(
            *await wallet.orders().fills(symbol=symbol, since=since, until=until, position=position, limit=limit)
        )

    async def _tradable(self, user_id: str, user_wallet_id: str) -> DemoWallet:
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        if not isinstance(wallet, DemoWallet):
            raise ForbiddenError(
                "Live trading is off in this deployment: orders are taken for paper wallets only.",
                hint="Trade with a demo wallet; a live wallet shows its balance, positions and markets.",
            )
        return wallet
