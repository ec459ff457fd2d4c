"""Place, read and cancel orders of a user's wallet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.replacement import is_repeat
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.services.orders.closing_all import ClosedPositions, close_each, closing, symbols_under, under
from moniqo_core.services.orders.execution import FillPage, OrderExecution, OrderPage
from moniqo_core.services.orders.opener import OrderOpener
from moniqo_core.services.orders.symbol_filter import require_known_symbol
from moniqo_core.services.shared.read_unless_known import Knows, Unchanged, Versioned, read_unless_known
from moniqo_core.services.shared.user_quotas import PerMinute

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Preflight


def _version_of(execution: OrderExecution) -> Callable[[], str | None]:
    return lambda: execution.account.version(of_prices=False)


class Orders:
    """Orders of one owner's wallets. Every method raises NotFoundError for a wallet that is not the owner's.

    :class:`moniqo_core.services.orders.execution.OrderExecution` documents the other errors of each method.
    """

    def __init__(self, opener: OrderOpener, limit: PerMinute) -> None:
        """Open wallets with ``opener``. ``limit`` bounds the orders of a user."""
        self._opener = opener
        self._limit = limit

    async def place(self, user_id: str, user_wallet_id: str, order: OrderRequest) -> OrderRecord:
        """Place an order, or return the order that an earlier request placed under the same ``client_order_id``.

        Repeated and refused orders do not count. A repeated order is returned even when the limit is reached.

        Raises:
            RateLimitExceededError: the user placed too many orders within this minute.

        """
        return await self._once(user_id, user_wallet_id, order)

    async def _once(self, user_id: str, user_wallet_id: str, asked: OrderRequest | ClosePosition) -> OrderRecord:
        permit = self._limit.permit(user_id)
        execution = await self._opener.open_to_trade(user_id, user_wallet_id, asked.client_order_id, permit)
        if permit.refusal is not None:
            before = await execution.find_accepted(asked)
            if before is None:
                raise permit.refusal
            return before
        work = execution.place(asked) if isinstance(asked, OrderRequest) else execution.close_position(asked)
        record = await permit.spend(work)
        if record.replayed:
            await permit.release()
        return record

    async def preflight(self, user_id: str, user_wallet_id: str, order: OrderRequest) -> Preflight:
        """Check an order without placing it."""
        return await (await self._opener.open_to_trade(user_id, user_wallet_id, None)).preflight(order)

    async def close_position(self, user_id: str, user_wallet_id: str, close: ClosePosition) -> OrderRecord:
        """Sell a position in a symbol at market, or a part of it. A repeated client order id returns its first order.

        Repeated and refused requests do not count.

        Raises:
            RateLimitExceededError: the user placed too many orders within this minute.

        """
        return await self._once(user_id, user_wallet_id, close)

    async def close_all(self, user_id: str, user_wallet_id: str, key: str | None) -> ClosedPositions:
        """Close every position by an order of its own. With a ``key``, its client order id is ``<key>:<symbol>``.

        A repeat returns the orders of the first request. It does not sell what was bought in their symbols since, but
        closes the open positions in all other symbols.

        Raises:
            WalletPausedError, WalletSuspendedError, LiveTradingOffError: the wallet sells nothing now.

        """
        execution = await self._opener.open(user_id, user_wallet_id)
        symbols = {held.symbol for held in await execution.account.get_positions()}
        if key is not None:
            symbols |= symbols_under(key, await execution.accepted_under(under(key, "")))

        async def close(symbol: str) -> OrderRecord:
            return await self.close_position(user_id, user_wallet_id, closing(symbol, key))

        return await close_each(sorted(symbols), close)

    async def replace(self, user_id: str, user_wallet_id: str, command: ReplaceOrder) -> OrderRecord:
        """Change an open order in place and return it. It counts as an order, unless it is refused or repeated.

        A repeat is answered even when the limit is reached.

        Raises:
            RateLimitExceededError: the user placed too many orders within this minute.

        """
        permit = self._limit.permit(user_id)
        execution = await self._opener.open_to_trade(user_id, user_wallet_id, None, permit)
        if permit.refusal is not None:
            before = await execution.get(command.order_id)
            if is_repeat(before, command):
                return before
            raise permit.refusal
        record = await permit.spend(execution.replace(command))
        if record.replayed:
            await permit.release()
        return record

    async def get(
        self, user_id: str, user_wallet_id: str, order_id: str, knows: Knows
    ) -> Versioned[OrderRecord] | Unchanged:
        """Return the current state of one order."""
        execution = await self._opener.open(user_id, user_wallet_id)
        return await read_unless_known(_version_of(execution), knows, lambda: execution.get(order_id))

    async def page(
        self, user_id: str, user_wallet_id: str, query: OrderQuery, knows: Knows
    ) -> Versioned[OrderPage] | Unchanged:
        """Return a page of orders, newest first.

        Raises:
            InvalidSymbolError: the wallet does not trade the symbol of the query, and never did.

        """
        execution = await self._opener.open(user_id, user_wallet_id)

        async def read() -> OrderPage:
            found = await execution.page(query)
            if not found.records:
                await require_known_symbol(execution, query.symbol)
            return found

        return await read_unless_known(_version_of(execution), knows, read)

    async def cancel(self, user_id: str, user_wallet_id: str, order_id: str) -> OrderRecord:
        """Cancel an order and return it."""
        return await (await self._opener.open(user_id, user_wallet_id)).cancel(order_id)

    async def cancel_all(self, user_id: str, user_wallet_id: str, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every open order, or those of one symbol, and return the cancelled orders.

        Raises:
            InvalidSymbolError: the wallet does not trade the symbol, and never did.

        """
        execution = await self._opener.open(user_id, user_wallet_id)
        cancelled = await execution.cancel_all(symbol)
        if not cancelled:
            await require_known_symbol(execution, symbol)
        return cancelled

    async def fills(self, user_id: str, user_wallet_id: str, query: FillQuery) -> FillPage:
        """Return a page of fills, newest first.

        Raises:
            InvalidSymbolError: the wallet does not trade the symbol of the query, and never did.

        """
        execution = await self._opener.open(user_id, user_wallet_id)
        found = await execution.fills(query)
        if not found.fills:
            await require_known_symbol(execution, query.symbol)
        return found
