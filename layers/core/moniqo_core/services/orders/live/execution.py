"""Orders of a live wallet: our records and the venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from moniqo_core.services.orders.execution import FillPage, OrderPage
from moniqo_core.services.orders.live.closing import close_live_position
from moniqo_core.services.orders.live.replacing import replace_live_order

if TYPE_CHECKING:
    from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
    from moniqo_core.domain.orders.record import OrderRecord
    from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
    from moniqo_core.domain.orders.rule_check import Preflight
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.pre_trade import PreTradeRead
    from moniqo_core.storage.rate_counters import Count
    from moniqo_core.wallets.venue_wallet import VenueWallet


class LiveExecution:
    """Implements :class:`moniqo_core.services.orders.execution.OrderExecution` for a wallet at a venue."""

    def __init__(
        self,
        account: VenueWallet,
        placing: LivePlacing,
        found: PreTradeRead | None = None,
        count: Count | None = None,
    ) -> None:
        """Trade ``account`` with ``placing``.

        ``found`` is the state for deciding the first order, if already read. The intent of an order counts it in
        ``count``.
        """
        self._account = account
        self._placing = placing
        self._orders = placing.orders
        self._found = found
        self._count = count

    @property
    def account(self) -> VenueWallet:
        """The open wallet whose orders these are."""
        return self._account

    async def _read(self, client_order_id: str | None) -> PreTradeRead:
        """Return the state for deciding an order. The state that was read at opening serves only the first order."""
        found, self._found = self._found, None
        if found is not None and found.client_order_id == client_order_id:
            return found
        return await self._placing.read_state(self._account.user_wallet_id, client_order_id)

    async def place(self, order: OrderRequest) -> OrderRecord:
        """Write the intent, send it once and record the outcome, or return the order of a repeated client order id."""
        found = await self._read(order.client_order_id)
        return await self._placing.place(self._account, order, found, self._count)

    async def find_accepted(self, order: OrderRequest | ClosePosition) -> OrderRecord | None:
        """Return the order already placed under the client order id of ``order``, None when there is none."""
        if order.client_order_id is None:
            return None
        return await self._placing.find_accepted(self._account, order, await self._read(order.client_order_id))

    async def accepted_under(self, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        return await self._orders.accepted_under(self._account, prefix)

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order against every rule without placing it."""
        return await self._placing.pre_trade.preflight(self._account, order, (await self._read(None)).state)

    async def close_position(self, close: ClosePosition) -> OrderRecord:
        """Sell a position or a part of it at market, in whole lots."""
        found = await self._read(close.client_order_id)
        return await close_live_position(self._placing, self._account, close, found, self._count)

    async def get(self, order_id: str) -> OrderRecord:
        """Return one order, which is queried at the venue first unless it has ended or is being sent."""
        return await self._orders.get(self._account, order_id)

    async def page(self, query: OrderQuery) -> OrderPage:
        """Query open orders at the venue, then return a page of orders."""
        return OrderPage(*await self._orders.page(self._account, query))

    async def fills(self, query: FillQuery) -> FillPage:
        """Query open orders at the venue, then return a page of fills."""
        return FillPage(*await self._orders.fills(self._account, query))

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order at the venue."""
        return await self._orders.cancel(self._account, order_id)

    async def cancel_all(self, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every order that may still fill, or those of one symbol."""
        return await self._orders.cancel_all(self._account, symbol, by_owner=True)

    async def replace(self, command: ReplaceOrder) -> OrderRecord:
        """Return an order that already is as the command wants it, and refuse any other change."""
        return await replace_live_order(self._placing, self._account, command, await self._read(None))

    async def release(self, *, force: bool) -> None:
        """Raise WalletInUseError while an order may still fill. With ``force``, cancel open orders first."""
        await self._orders.release(self._account, force=force)
