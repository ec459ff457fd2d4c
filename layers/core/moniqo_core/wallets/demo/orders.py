"""Place, cancel and read orders of a demo wallet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from moniqo_core.domain.errors import (
    IdempotencyMismatchError,
    OrderNotFoundError,
    WalletError,
)
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder
from moniqo_core.domain.orders.ended_order import NOTHING_TO_REPLACE, already_ended
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill, Order, numbered_order_id, order_age
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.replacement import is_repeat
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.domain.paper.changes.replaced_order import NothingToReplaceError
from moniqo_core.storage.rate_counters import Count
from moniqo_core.wallets.demo.access import DemoAccess
from moniqo_core.wallets.demo.decide_and_commit import RepeatedOrderError
from moniqo_core.wallets.demo.records import order_of

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Preflight
    from moniqo_core.storage.paper.orders.of_account import OrderReader


class DemoOrders:
    """The orders of one account. Reads return the account as of the last evaluation."""

    def __init__(self, access: DemoAccess) -> None:
        """Trade the account at ``access``."""
        self._access = access

    @property
    def _reader(self) -> OrderReader:
        from moniqo_core.storage.paper.orders.of_account import OrderReader

        return OrderReader(self._access.history, self._access.session.seen)

    async def evaluate(self) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now."""
        return await self._access.session.evaluate()

    async def submit(self, order: OrderRequest | ClosePosition, count: Count | None = None) -> OrderRecord:
        """Place an order or close a position, or return the order that was accepted under the same client order id.

        The commit counts the order in ``count``.

        Raises:
            IdempotencyMismatchError: the id belongs to an order with a different body.

        And everything that :func:`~moniqo_core.domain.paper.order_commands.place` and
        :func:`~moniqo_core.domain.paper.changes.position_closing.close_position` raise.
        """
        try:
            commit = await self._access.session.run(order, count=count)
        except (RepeatedOrderError, WalletError):
            # A repeat returns its order even if a new order would now be refused (paused, no funds, no price).
            before = await self.find_accepted(order)
            if before is None:
                raise
            return before
        return order_of(commit, numbered_order_id(commit.after.seq))

    async def find_accepted(self, order: OrderRequest | ClosePosition) -> OrderRecord | None:
        """Return the order accepted under the same client order id, or raise IdempotencyMismatchError."""
        if order.client_order_id is None:
            return None
        accepted = await self._access.history.accepted_as(self._access.user_wallet_id, order.client_order_id)
        if accepted is None:
            return None
        if accepted.body_hash != order.body_hash():
            raise IdempotencyMismatchError(
                f"Order {accepted.order_id} already has client_order_id {order.client_order_id} and a different body."
            )
        return await self._reader.get(accepted.order_id, replayed=True)

    async def accepted_under(self, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        return await self._access.history.accepted_under(self._access.user_wallet_id, prefix)

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order without placing it, or raise MarketDataError."""
        return await self._access.session.preflight(order)

    async def get(self, order_id: str) -> OrderRecord:
        """Return one order, or raise OrderNotFoundError."""
        record = await self._reader.get(order_id)
        if self._is_newer(record):
            raise OrderNotFoundError(f"This wallet has no order {order_id!r}.")
        return record

    async def page(self, query: OrderQuery) -> tuple[list[OrderRecord], tuple[int, int] | None]:
        """Return orders, newest first, and the cursor of the next page."""
        records, following = await self._reader.page(query)
        return [record for record in records if not self._is_newer(record)], following

    def _is_newer(self, record: OrderRecord) -> bool:
        """Tell whether another writer accepted an order after the account was read. It belongs to the next read."""
        return order_age(record.order_id)[0] > self._access.session.account.seq

    async def fills(self, query: FillQuery) -> tuple[list[Fill], tuple[int, int] | None]:
        """Return fills, newest first, and the cursor of the next page."""
        return await self._reader.fills(query)

    async def open_orders(self, symbol: str | None) -> list[Order]:
        """Evaluate resting orders, then return the orders that can still fill, oldest first."""
        await self.evaluate()
        open_orders = self._access.session.account.orders.values()
        return [order for order in open_orders if symbol in {None, order.symbol}]

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order, or raise OrderNotFoundError, OrderAlreadyFilledError or OrderAlreadyClosedError."""
        try:
            await self._access.session.run(CancelOrder(order_id))
        except OrderNotFoundError:
            await self._refuse_ended(order_id)
        return await self._reader.get(order_id)

    async def _refuse_ended(self, order_id: str) -> None:
        raise already_ended(await self._reader.get(order_id))

    async def replace(self, command: ReplaceOrder, count: Count | None = None) -> OrderRecord:
        """Replace an open order in one commit. A repeat returns the order, also after it ended.

        Raises:
            OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError: the order is not open.

        And everything that :func:`~moniqo_core.domain.paper.changes.replacement.replace_order` raises.
        """
        try:
            await self._access.session.run(command, count=count)
        except NothingToReplaceError:
            return await self._reader.get(command.order_id, replayed=True)
        except OrderNotFoundError:
            record = await self._reader.get(command.order_id)
            if is_repeat(record, command):
                return record._replace(replayed=True)
            raise already_ended(record, hint=NOTHING_TO_REPLACE) from None
        return await self._reader.get(command.order_id)

    async def cancel_all(self, symbol: str | None) -> list[OrderRecord]:
        """Cancel every open order, or those of one symbol, in one commit. Returns the orders, oldest first."""
        if not await self.open_orders(symbol):
            return []
        commit = await self._access.session.run(CancelAllOrders(symbol))
        return await self._reader.several([order.order_id for order in commit.orders])
