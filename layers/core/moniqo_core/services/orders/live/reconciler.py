"""Query the state of an order at its venue and store it. Every report about a live order is stored here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import OrderNotFoundError, WalletError
from moniqo_core.domain.live import order_updates
from moniqo_core.domain.live.order import LiveOrder, VenueReport
from moniqo_core.domain.live.record import live_record
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.orders.order import Fill, Liquidity, OrderStatus
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.storage.live.journal.retry_pause import pause_after
from moniqo_core.storage.live.orders import LiveOrderStore

if TYPE_CHECKING:
    from moniqo_core.storage.live.journal.entry_codec import JournalEnd
    from moniqo_core.venues.ccxt.parsing import VenueFill
    from moniqo_core.wallets.base import OrderResult
    from moniqo_core.wallets.venue_wallet import VenueWallet

log: Final = logging.getLogger("moniqo")

SECONDS_FOR_FILLS: Final = 3.0
WRITES: Final = 20
"""The most tries to store a change. Another entry of the same journal makes one more necessary."""

Change = Callable[[LiveOrder], LiveOrder]


class Queried(NamedTuple):
    """An order as stored after a query, and the error if the query failed."""

    order: LiveOrder
    failure: WalletError | None


class Stored(NamedTuple):
    """An order as stored, and the fills that were read to store it."""

    order: LiveOrder
    fills: Sequence[Fill]


class OrderReconciler:
    """Stores reports of venues about orders. Concurrent writers of one order take effect one after the other."""

    def __init__(self, store: LiveOrderStore, now: Clock) -> None:
        """Write to ``store``."""
        self._store = store
        self._now = now

    async def query(self, wallet: VenueWallet, order: LiveOrder, *, used_at: datetime | None = None) -> LiveOrder:
        """Query one order, by our client id while the venue's id is not known, and return it as stored.

        If the venue does not answer, the order keeps its state and is queried again later. ``used_at`` is the time of
        the owner's command that the query belongs to.
        """
        return (await self.try_query(wallet, order, used_at=used_at)).order

    async def try_query(self, wallet: VenueWallet, order: LiveOrder, *, used_at: datetime | None = None) -> Queried:
        """Query one order as :meth:`query` does, and also return the error if the query failed."""
        failure: WalletError | None = None
        try:
            change = await self._ask(wallet, order)
        except OrderNotFoundError:
            change = self._at(order_updates.not_found)
        except WalletError as error:
            log.warning("order not queried", extra={"fields": {**fields_of(order), "reason": type(error).__name__}})
            change, failure = self._at(order_updates.unanswered), error
        return Queried(await self.write(wallet, order, change, used_at=used_at), failure)

    async def _ask(self, wallet: VenueWallet, order: LiveOrder) -> Change:
        symbol = order.request.symbol
        if order.venue_order_id is not None:
            return self.apply_report(await wallet.get_order_status(order.venue_order_id, symbol))
        found = await wallet.find_order(order.venue_client_id, symbol)
        return self._at(order_updates.not_found) if found is None else self.apply_report(found)

    def apply_report(self, result: OrderResult) -> Change:
        """Return the change that a report of the venue, received now, makes to an order."""
        report, now = report_of(result), self._now()
        return lambda order: order_updates.acknowledged(order, report, now)

    async def postpone(self, order: LiveOrder) -> LiveOrder:
        """Query an order again later, because its venue could not be queried now."""
        return await self.write(None, order, self._at(order_updates.unanswered))

    def _at(self, change: Callable[[LiveOrder, datetime], LiveOrder]) -> Change:
        now = self._now()
        return lambda order: change(order, now)

    async def write(
        self, wallet: VenueWallet | None, order: LiveOrder, change: Change, *, used_at: datetime | None = None
    ) -> LiveOrder:
        """Store a change of an order, with its missing fills if a ``wallet`` is given to read them.

        ``used_at`` is the time of the owner's command that the change is the outcome of.

        Raises:
            ConnectionFailure, TemporarilyUnavailableError: the database does not answer.

        """
        return (await self.write_with_fills(wallet, order, change, used_at=used_at)).order

    async def write_with_fills(
        self,
        wallet: VenueWallet | None,
        order: LiveOrder,
        change: Change,
        *,
        used_at: datetime | None = None,
        follows: JournalEnd | None = None,
    ) -> Stored:
        """Store a change as :meth:`write` does. Also return the fills that were read for it.

        ``follows`` is the last entry of the journal as of which ``order`` is known.
        """
        read: dict[Decimal, Sequence[Fill]] = {}
        for tries in range(1, WRITES + 1):
            after = change(order)
            fills: Sequence[Fill] = ()
            if wallet is not None and after.lacks_fills and after.reconcile_at is not None:
                if after.filled_amount not in read:  # another try needs no other answer of the venue
                    read[after.filled_amount] = await self._fills(wallet, after)
                fills = read[after.filled_amount]
                after = order_updates.with_fills(after, fills, self._now()) if fills else after
            stored = await self._store.update(order, after, fills, at=self._now(), follows=follows, used_at=used_at)
            if stored is not None:
                return Stored(stored, fills)
            follows = None
            await pause_after(tries)
            order = await self._store.get(order.user_wallet_id, order.order_id)
        log.warning("order not stored", extra={"fields": fields_of(order)})
        return Stored(order, ())

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
        """Return orders, which may be of several wallets, with their fills."""
        fills = await self._store.fills.of(orders)
        return [live_record(order, own, replayed=replayed) for order, own in zip(orders, fills, strict=True)]


def report_of(result: OrderResult) -> VenueReport:
    """Convert a venue's answer to the report that our record of the order uses."""
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
    """Convert a venue's fill. Our order id in front of its id makes it unique among all orders."""
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
    """Return the fields that identify an order in a log line."""
    return {"user_wallet_id": order.user_wallet_id, "order_id": order.order_id, "venue": order.venue}
