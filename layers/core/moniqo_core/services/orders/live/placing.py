"""Place orders of live wallets.

An intent is written first and then sent once. Without an answer it is ``unknown``, for
:mod:`moniqo_core.services.orders.live.scheduled_reconciliation` to resolve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import (
    IdempotencyMismatchError,
    TemporarilyUnavailableError,
)
from moniqo_core.domain.live import order_updates
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.domain.live.order import OPEN_WITHIN, LiveOrder
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.orders.live.orders import LiveOrders
from moniqo_core.services.orders.live.pre_trade import PreTradeCheck, PreTradeRead
from moniqo_core.services.orders.live.reconciler import OrderReconciler
from moniqo_core.services.orders.live.sending import Intent, OrderSender
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.storage.client import DatabaseError, is_outage
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.journal.live_journal import CommitOutcome
from moniqo_core.storage.live.journal.retry_pause import pause_after
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.rate_counters import Count

if TYPE_CHECKING:
    from moniqo_core.wallets.venue_wallet import VenueWallet

DECISIONS: Final = 20
"""The most decisions for one order. It is decided again when another order of the wallet was faster."""


class LivePlacing:
    """Places orders of live wallets. The caller has already checked who owns the wallet."""

    def __init__(self, database: Database, sync: BalanceSync, *, live_trading: bool, now: Clock = utc_now) -> None:
        """Use ``database``. ``sync`` reads balances, ``live_trading`` is the deployment's parameter."""
        self._store = LiveOrderStore(database)
        self.pre_trade = PreTradeCheck(sync, live_trading=live_trading, now=now)
        self._reconciler = OrderReconciler(self._store, now)
        self._sender = OrderSender(self._reconciler, now)
        self.orders = LiveOrders(self._store, now)
        self._now = now

    async def read_state(
        self,
        user_wallet_id: str,
        client_order_id: str | None,
        *,
        owner: str | None = None,
        count: Count | None = None,
    ) -> PreTradeRead:
        """Read the state for deciding an order, and the order of a repeated client order id, in one round trip.

        The same read tells ``count`` whether its limit is reached.

        Raises:
            NotFoundError: there is no such wallet, or ``owner`` does not own it.

        """
        at = self._now()
        state = await self._store.pre_trade_state(user_wallet_id, client_order_id, owner=owner, count=count)
        return PreTradeRead(state, client_order_id, at)

    async def read_again_if_late(self, found: PreTradeRead, *, owner: str) -> PreTradeRead:
        """Return ``found``, or read again if more than :data:`OPEN_WITHIN` has passed since that read began.

        The time limit for sending an order starts at the read, because the live-trading switch stops every order whose
        read is older than the switch. After a slow opening too little of that time would be left.
        """
        if self._now() - found.at <= OPEN_WITHIN:
            return found
        return await self.read_state(found.state.wallet.id, found.client_order_id, owner=owner)

    async def find_accepted(
        self, wallet: VenueWallet, asked: OrderRequest | ClosePosition, found: PreTradeRead
    ) -> OrderRecord | None:
        """Return the order already placed under the client order id of ``asked``, or raise IdempotencyMismatchError."""
        before = found.state.before
        return None if before is None else await self._repeated(wallet, before, asked)

    async def place(
        self, wallet: VenueWallet, order: OrderRequest, found: PreTradeRead, count: Count | None = None
    ) -> OrderRecord:
        """Decide on the state ``found``, write the intent, send it once and record the outcome.

        The write of the intent counts the order in ``count``.

        Raises:
            LiveTradingOffError, WalletPausedError, WalletSuspendedError, RiskLimitExceededError, InvalidOrderError,
            InvalidSymbolError, InsufficientBalanceError, OrderRejectedError: nothing was placed.
            IdempotencyMismatchError: the client order id belongs to an order with a different body.
            RateLimitExceededError: the limit of ``count`` is reached.
            TemporarilyUnavailableError, MarketDataError, WalletConnectionError: nothing was sent.

        """
        accepted = await self.find_accepted(wallet, order, found)
        return accepted or await self.carry_out(wallet, order, found, order, count)

    async def carry_out(
        self,
        wallet: VenueWallet,
        order: OrderRequest,
        found: PreTradeRead,
        asked: OrderRequest | ClosePosition,
        count: Count | None,
    ) -> OrderRecord:
        """Place an order that carries out what was ``asked``, or raise the errors of :meth:`place`."""
        decided = await self._intend(wallet, order, found, asked, count)
        if isinstance(decided, OrderRecord):
            return decided
        return await self._sender.send(wallet, decided)

    async def _intend(
        self,
        wallet: VenueWallet,
        order: OrderRequest,
        found: PreTradeRead,
        asked: OrderRequest | ClosePosition,
        count: Count | None,
    ) -> Intent | OrderRecord:
        """Write the intent, or return the record of an order placed meanwhile under the same client order id."""
        findings = await self.pre_trade.gather(wallet, order, found.state)
        latest, read_at = findings.state, found.at
        for tries in range(1, DECISIONS + 1):
            decision = findings.decision(latest)
            decision.check()
            intended = order_updates.intend(
                order,
                body_hash=asked.body_hash(),
                user_wallet_id=wallet.user_wallet_id,
                user_id=latest.wallet.user_id,
                venue=latest.wallet.wallet_slug,
                seq=latest.next_seq,
                venue_client_id=venue_client_id(wallet.user_wallet_id, order.client_order_id),
                token=uuid4().hex,
                now=read_at,
            )
            outcome, entry = await self._store.insert(intended, latest, count)
            if count is not None and outcome is CommitOutcome.REFUSED:
                raise count.error()
            if outcome is CommitOutcome.DONE and entry is not None:
                intent = Intent(intended, entry)
                if not await self._has_changed(decision.wallet, intent):
                    return intent
            await pause_after(tries)
            read_at = self._now()
            latest = await self._store.pre_trade_state(
                wallet.user_wallet_id, order.client_order_id, since=found.state.next_seq
            )
            if latest.before is not None:
                return await self._repeated(wallet, latest.before, asked)
        raise TemporarilyUnavailableError("Too many orders of this wallet are being placed at once.", retry_after=1)

    async def _has_changed(self, decided: UserWallet, intent: Intent) -> bool:
        """Read the wallet again once the intent is stored. If something forbids the order now, drop the intent.

        A pause, a change of limits or a stop of live trading that was committed before the intent does not wait for it.
        """
        try:
            changed = await self._store.has_changed(decided)
        except DatabaseError as error:
            if not is_outage(error):
                raise
            message = "The database did not answer. No order was sent."
            raise TemporarilyUnavailableError(message, retry_after=2) from error
        if changed:
            await self._sender.drop(intent)
        return changed

    async def _repeated(
        self, wallet: VenueWallet, before: LiveOrder, asked: OrderRequest | ClosePosition
    ) -> OrderRecord:
        if before.body_hash != asked.body_hash():
            raise IdempotencyMismatchError(
                f"Order {before.order_id} already has client_order_id {asked.client_order_id} and a different body."
            )
        return await self._reconciler.record(await self.orders.refreshed(wallet, before), replayed=True)
