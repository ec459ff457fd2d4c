"""Send an order of a live wallet once, and record the outcome."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import (
    ConflictError,
    InsufficientBalanceError,
    TemporarilyUnavailableError,
    WalletError,
)
from moniqo_core.domain.live import order_updates
from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.live.record import live_record
from moniqo_core.domain.money import ZERO, exact, floor_to
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.funds import not_covered
from moniqo_core.services.orders.live.reconciler import Change, OrderReconciler, Stored, fields_of
from moniqo_core.storage.client import DatabaseError, is_outage
from moniqo_core.storage.live.fills import as_stored

if TYPE_CHECKING:
    from moniqo_core.storage.live.journal.entry_codec import JournalEnd
    from moniqo_core.wallets.venue_wallet import VenueWallet

SHORTEST_SEND: Final = 1.0
"""Seconds that a request needs to reach the venue. With less time left, nothing is sent."""

log: Final = logging.getLogger("moniqo")


class Intent(NamedTuple):
    """A stored intent, and its entry in the journal."""

    order: LiveOrder
    entry: JournalEnd


class OrderSender:
    """Sends orders whose intents are stored."""

    def __init__(self, reconciler: OrderReconciler, now: Clock) -> None:
        """Record outcomes with ``reconciler``."""
        self._reconciler = reconciler
        self._now = now

    async def send(self, wallet: VenueWallet, intent: Intent) -> OrderRecord:
        """Send an order once and return its record, which is ``unknown`` when no clear answer came.

        Raises:
            InvalidOrderError, InsufficientBalanceError, OrderRejectedError, ...: the venue refused the order.
            TemporarilyUnavailableError: ``send_by`` of the intent had passed, so nothing was sent.

        """
        order = intent.order
        left = (order.send_by - self._now()).total_seconds()
        if left <= SHORTEST_SEND:
            await self.drop(intent)
            raise TemporarilyUnavailableError("Checking the order took too long. No order was sent.", retry_after=2)
        refusal: WalletError | None = None
        try:
            # A pause is answered once ``send_by`` has passed, so no request may go on after it.
            async with asyncio.timeout(left):
                report = await wallet.send_order(order.request, order.venue_client_id)
            change = self._reconciler.apply_report(report)
        except TimeoutError:
            change, _ = self._without_answer(None)
        except WalletError as error:
            change, refusal = self._without_answer(error)
        except Exception:
            log.exception("order answer not readable", extra={"fields": fields_of(order)})
            change, _ = self._without_answer(None)
        outcome = await self._store_outcome(wallet, intent, change, used_at=self._now())
        if isinstance(refusal, InsufficientBalanceError):
            raise await _with_numbers(wallet, order.request, refusal)
        if refusal is not None:
            raise refusal
        return live_record(outcome.order, as_stored(outcome.fills))

    async def drop(self, intent: Intent) -> None:
        """Record that an order was not sent."""
        await self._store_outcome(
            None, intent, lambda order: order_updates.refused(order, order_updates.NOT_SENT, self._now())
        )

    def _without_answer(self, error: WalletError | None) -> tuple[Change, WalletError | None]:
        """Distinguish a refusal from an unknown outcome.

        If the venue already has an order under this client id, it is the order of this intent. So a ConflictError of
        the venue leaves the outcome unknown.
        """
        from moniqo_core.domain.errors import UnknownOutcomeError

        now = self._now()
        if error is None or isinstance(error, UnknownOutcomeError | ConflictError):
            return lambda order: order_updates.outcome_unknown(order, now), None
        code = error.code
        return lambda order: order_updates.refused(order, code, now), error

    async def _store_outcome(
        self, wallet: VenueWallet | None, intent: Intent, change: Change, *, used_at: datetime | None = None
    ) -> Stored:
        """Store the outcome of an order, and return the order with the fills that the venue told.

        If the database does not answer, the result still has the venue's answer. Reconciliation stores it later.
        """
        try:
            return await self._reconciler.write_with_fills(
                wallet, intent.order, change, used_at=used_at, follows=intent.entry
            )
        except TemporarilyUnavailableError:
            pass
        except DatabaseError as error:
            if not is_outage(error):
                raise
        log.warning("order outcome not stored", extra={"fields": fields_of(intent.order)})
        return Stored(change(intent.order), ())


async def _with_numbers(
    wallet: VenueWallet, order: OrderRequest, refusal: InsufficientBalanceError
) -> InsufficientBalanceError:
    """Add the free amount to the error of a sell order that the venue refused for funds.

    No balance was read before it was sent.
    """
    if order.side is not OrderSide.SELL or order.amount is None:
        return refusal
    try:
        market = await wallet.market(order.symbol)
        free = (await wallet.get_balance_for_asset(market.base)).free
    except WalletError:
        return refusal
    if free >= order.amount:  # the balance has grown since
        return refusal
    with exact():
        return not_covered(market.base, order.amount, free, floor_to(max(free, ZERO), market.lot_step))
