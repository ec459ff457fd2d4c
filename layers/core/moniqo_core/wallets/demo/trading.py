"""Orders of a demo wallet: placing, cancelling and reading them."""

from __future__ import annotations

from moniqo_core.domain.errors import (
    IdempotencyMismatchError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    WalletError,
)
from moniqo_core.domain.ledger.commands import Cancel, CancelAll, ClosePosition
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.queries import OrderQuery
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rules import Preflight
from moniqo_core.wallets.base import OrderResult
from moniqo_core.wallets.demo.access import DemoAccess
from moniqo_core.wallets.demo.orders import DemoOrders
from moniqo_core.wallets.demo.records import order_of, order_result, replayed
from moniqo_core.wallets.demo.session import RepeatedOrderError


class DemoTrading(DemoAccess):
    """Orders as the service shows them, and in the words every wallet shares."""

    def orders(self) -> DemoOrders:
        """The orders of this wallet, to read."""
        return DemoOrders(self._history, self._work.seen)

    async def evaluate(self) -> bool:
        """Let resting orders meet the path up to now; returns whether it was walked to its end."""
        return await self._work.evaluate()

    async def submit(self, order: OrderRequest) -> OrderRecord:
        """Place an order; one that was accepted before under the same client order id is answered instead.

        Raises:
            IdempotencyMismatchError: the id was used with another body.

        And everything :func:`moniqo_core.domain.paper.orders.place` raises.
        """
        try:
            commit = await self._work.run(order)
        except (RepeatedOrderError, WalletError):
            # A repeat is answered whatever would be said of a new order now: paused, out of funds, no price.
            before = await self.accepted_before(order)
            if before is None:
                raise
            return before
        return order_of(commit, f"o-{commit.after.seq}-1")

    async def accepted_before(self, order: OrderRequest) -> OrderRecord | None:
        """The order an earlier request placed under the same client order id; raises IdempotencyMismatchError."""
        if order.client_order_id is None:
            return None
        entry = await self._history.accepted_as(self.user_wallet_id, order.client_order_id)
        if entry is None:
            return None
        order_id = f"o-{entry['seq']}-1"
        if entry["body_hash"] != order.body_hash():
            raise IdempotencyMismatchError(
                f"Order {order_id} already has client_order_id {order.client_order_id} and a different body."
            )
        return replayed(await self.orders().get(order_id))

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order without placing it; raises MarketDataError."""
        return await self._work.preflight(order)

    async def close_position(self, symbol: str) -> OrderRecord:
        """Sell all that is held of a symbol at market, after cancelling what else would sell it.

        Raises what :func:`moniqo_core.domain.paper.orders.close_position` raises.
        """
        commit = await self._work.run(ClosePosition(symbol))
        return order_of(commit, f"o-{commit.after.seq}-1")

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        try:
            await self._work.run(Cancel(order_id))
        except OrderNotFoundError:
            await self._refuse_ended(order_id)
        return await self.orders().get(order_id)

    async def _refuse_ended(self, order_id: str) -> None:
        record = await self.orders().get(order_id)
        if record.order.status is OrderStatus.FILLED:
            raise OrderAlreadyFilledError(f"Order {order_id} is already filled.", order=record)
        raise OrderAlreadyClosedError(f"Order {order_id} is already {record.order.status}.", order=record)

    async def cancel_all(self, symbol: str | None) -> list[OrderRecord]:
        """Cancel every open order, or those of one symbol, in one commit; the answer is oldest first."""
        await self._work.evaluate()
        if not any(symbol in {None, order.symbol} for order in self.account.orders.values()):
            return []
        commit = await self._work.run(CancelAll(symbol))
        return await self.orders().several([order.order_id for order in commit.orders])

    async def _place(self, order: OrderRequest) -> OrderResult:
        return order_result(await self.submit(order))

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order; ``symbol`` is what some venues ask for and this one does not need."""
        return (await self.cancel(order_id)).order.status is OrderStatus.CANCELLED

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """One order, open or ended."""
        await self._work.evaluate()
        return order_result(await self.orders().get(order_id))

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Orders that can still fill, oldest first."""
        await self._work.evaluate()
        open_orders = self.account.orders.values()
        return [order_result(OrderRecord(order, ())) for order in open_orders if symbol in {None, order.symbol}]

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Orders that ended, newest first."""
        await self._work.evaluate()
        records, _ = await self.orders().page(OrderQuery(limit, only_open=False, symbol=symbol))
        return [order_result(record) for record in records]
