"""Asking a venue what became of an order, and writing down the answer. Everybody who learns something uses this."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import OrderNotFoundError, WalletError
from moniqo_core.domain.live import order_updates
from moniqo_core.domain.live.order import LiveOrder, VenueReport
from moniqo_core.domain.live.record import live_record
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.orders.order import Fill, Liquidity, OrderStatus
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.storage.live.orders import LiveOrderStore

if TYPE_CHECKING:
    from moniqo_core.venues.ccxt.parsing import VenueFill
    from moniqo_core.wallets.base import OrderResult
    from moniqo_core.wallets.venue_wallet import VenueWallet

log: Final = logging.getLogger("moniqo")

SECONDS_FOR_FILLS: Final = 3.0
WRITES: Final = 5

Change = Callable[[LiveOrder], LiveOrder]


class OrderReconciler:
    """Learns about orders at venues. Two who learn at once write one after the other, whoever is first."""

    def __init__(self, store: LiveOrderStore, now: Clock) -> None:
        """Write to ``store``."""
        self._store = store
        self._now = now

    async def query(self, wallet: VenueWallet, order: LiveOrder) -> LiveOrder:
        """Ask about one order, by our client id while the venue's own is not known; an ended one is complete already.

        A venue that does not answer leaves the order as it was, to be queried again later.
        """
        try:
            change = await self._ask(wallet, order)
        except OrderNotFoundError:
            change = self._at(order_updates.not_found)
        except WalletError as error:
            log.warning("order not queried", extra={"fields": {**fields_of(order), "reason": type(error).__name__}})
            change = self._at(order_updates.unanswered)
        return await self.write(wallet, order, change)

    async def _ask(self, wallet: VenueWallet, order: LiveOrder) -> Change:
        symbol = order.request.symbol
        if order.venue_order_id is not None:
            return self.apply_report(await wallet.get_order_status(order.venue_order_id, symbol))
        found = await wallet.find_order(order.venue_client_id, symbol)
        return self._at(order_updates.not_found) if found is None else self.apply_report(found)

    def apply_report(self, result: OrderResult) -> Change:
        """Return what an order becomes when the venue says ``result`` now."""
        report, now = report_of(result), self._now()
        return lambda order: order_updates.acknowledged(order, report, now)

    async def postpone(self, order: LiveOrder) -> LiveOrder:
        """Ask about an order later: its venue could not be asked."""
        return await self.write(None, order, self._at(order_updates.unanswered))

    def _at(self, change: Callable[[LiveOrder, datetime], LiveOrder]) -> Change:
        now = self._now()
        return lambda order: change(order, now)

    async def write(self, wallet: VenueWallet | None, order: LiveOrder, change: Change) -> LiveOrder:
        """Write what was learned, with the fills that are not kept yet when ``wallet`` can tell them.

        Raises:
            ConnectionFailure: the database does not answer.

        """
        for _ in range(WRITES):
            after = change(order)
            fills: Sequence[Fill] = ()
            if wallet is not None and after.lacks_fills and after.reconcile_at is not None:
                fills = await self._fills(wallet, after)
                after = order_updates.with_fills(after, fills, self._now()) if fills else after
            if await self._store.update(order, after, fills):
                return await self._store.get(order.user_wallet_id, order.order_id) if after != order else order
            order = await self._store.get(order.user_wallet_id, order.order_id)
        log.warning("order not stored", extra={"fields": fields_of(order)})
        return order

    async def _fills(self, wallet: VenueWallet, order: LiveOrder) -> Sequence[Fill]:
        assert order.venue_order_id is not None  # noqa: S101  it filled
        try:
            async with asyncio.timeout(SECONDS_FOR_FILLS):
                found = await wallet.get_fills(order.request.symbol, order_id=order.venue_order_id)
        except (WalletError, TimeoutError):
            return ()
        return [fill_of(order, fill) for fill in found if fill.order_id == order.venue_order_id]

    async def record(self, order: LiveOrder, *, replayed: bool = False) -> OrderRecord:
        """Return an order with its fills."""
        return (await self.records([order], replayed=replayed))[0]

    async def records(self, orders: Sequence[LiveOrder], *, replayed: bool = False) -> list[OrderRecord]:
        """Return orders of one wallet with their fills."""
        fills = await self._store.fills.of(orders)
        return [live_record(order, fills[order.order_id], replayed=replayed) for order in orders]


def report_of(result: OrderResult) -> VenueReport:
    """Read what a venue said in the words of our record."""
    return VenueReport(
        venue_order_id=result.order_id,
        status=None if result.status is OrderStatus.UNKNOWN else result.status,
        amount=result.amount,
        filled_amount=result.filled_amount,
        filled_quote=result.filled_quote,
        fee=result.fee,
        fee_currency=result.fee_currency,
    )


def fill_of(order: LiveOrder, fill: VenueFill) -> Fill:
    """Read a venue's fill; its id is told apart from those of other orders by ours."""
    return Fill(
        fill_id=f"{order.order_id}:{fill.fill_id}",
        order_id=order.order_id,
        symbol=fill.symbol,
        side=fill.side,
        amount=fill.amount,
        quote=fill.quote,
        levels=(PriceLevel(fill.price, fill.amount),),
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        liquidity=None if fill.liquidity is None else Liquidity(fill.liquidity),
        at=fill.at,
    )


def fields_of(order: LiveOrder) -> dict[str, str]:
    """Return what a log line says of an order."""
    return {"user_wallet_id": order.user_wallet_id, "order_id": order.order_id, "venue": order.venue}
