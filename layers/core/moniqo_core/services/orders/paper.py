"""Orders of a paper wallet. Reads evaluate resting orders first, then read the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.services.orders.execution import FillPage, OrderPage
from moniqo_core.storage.rate_counters import Count
from moniqo_core.wallets.base import BaseWallet

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Preflight


class PaperOrders(Protocol):
    """The orders of a paper wallet, as :class:`moniqo_core.wallets.demo.orders.DemoOrders` implements them."""

    async def evaluate(self) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now."""

    async def submit(self, order: OrderRequest | ClosePosition, count: Count | None = None) -> OrderRecord:
        """Place an order or close a position, or return the order accepted under the same client order id.

        The commit counts the order in ``count``.
        """

    async def find_accepted(self, order: OrderRequest | ClosePosition) -> OrderRecord | None:
        """Return the order accepted under the client order id of ``order``."""

    async def accepted_under(self, prefix: str) -> Mapping[str, str | None]:
        """Return the client order ids that begin with ``prefix``."""

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order without placing it."""

    async def get(self, order_id: str) -> OrderRecord:
        """Return one order as of the last evaluation."""

    async def page(self, query: OrderQuery) -> tuple[Sequence[OrderRecord], tuple[int, int] | None]:
        """Return orders as of the last evaluation, and the cursor of the next page."""

    async def fills(self, query: FillQuery) -> tuple[Sequence[Fill], tuple[int, int] | None]:
        """Return fills, and the cursor of the next page."""

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order."""

    async def cancel_all(self, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel open orders in one commit."""

    async def replace(self, command: ReplaceOrder, count: Count | None = None) -> OrderRecord:
        """Replace an open order in one commit, which counts it in ``count``."""


class PaperExecution:
    """Implements :class:`moniqo_core.services.orders.execution.OrderExecution` for a paper wallet."""

    def __init__(self, account: BaseWallet, orders: PaperOrders, count: Count | None = None) -> None:
        """Trade with the ``orders`` of ``account``. The commit of an order counts it in ``count``."""
        self._account = account
        self._count = count
        self._orders = orders

    @property
    def account(self) -> BaseWallet:
        """The open wallet whose orders these are."""
        return self._account

    async def place(self, order: OrderRequest) -> OrderRecord:
        """Place an order in one commit, or return the order accepted under the same client order id."""
        return await self._orders.submit(order, self._count)

    async def find_accepted(self, order: OrderRequest | ClosePosition) -> OrderRecord | None:
        """Return the order accepted under the client order id of ``order``, None when there is none."""
        return await self._orders.find_accepted(order)

    async def accepted_under(self, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        return await self._orders.accepted_under(prefix)

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order against every rule without placing it."""
        return await self._orders.preflight(order)

    async def close_position(self, close: ClosePosition) -> OrderRecord:
        """Sell a position at market, or a part of it, in one commit. Other sell orders shrink or end for it."""
        return await self._orders.submit(close, self._count)

    async def get(self, order_id: str) -> OrderRecord:
        """Evaluate resting orders, then return one order."""
        await self._orders.evaluate()
        return await self._orders.get(order_id)

    async def page(self, query: OrderQuery) -> OrderPage:
        """Evaluate resting orders, then return a page of orders."""
        await self._orders.evaluate()
        return OrderPage(*await self._orders.page(query))

    async def fills(self, query: FillQuery) -> FillPage:
        """Evaluate resting orders, then return a page of fills."""
        await self._orders.evaluate()
        return FillPage(*await self._orders.fills(query))

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order."""
        return await self._orders.cancel(order_id)

    async def cancel_all(self, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every open order, or those of one symbol, in one commit."""
        return await self._orders.cancel_all(symbol)

    async def replace(self, command: ReplaceOrder) -> OrderRecord:
        """Replace an open order in one commit."""
        return await self._orders.replace(command, self._count)

    async def release(self, *, force: bool) -> None:
        """Do nothing. The commit that closes the account refuses open orders, or cancels them with ``force``."""
