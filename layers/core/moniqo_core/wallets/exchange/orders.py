"""Place and cancel orders of an account at an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidCredentialsError,
    InvalidOrderError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    RateLimitExceededError,
    TemporarilyUnavailableError,
    WalletError,
)
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, exact, plain
from moniqo_core.domain.orders import field_rules
from moniqo_core.domain.orders.field_rules import FormFault
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.venues.exchanges.refusals import CANCEL_PENDING, VenueRefusalError
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.wallets.base import OrderResult
from moniqo_core.wallets.exchange.access import ExchangeAccess
from moniqo_core.wallets.exchange.history import ExchangeHistory

SECONDS_TO_LOOK: Final = 3.0
"""Time limit of the query that follows an unclear answer to a cancellation."""
_NOTHING_DONE: Final = (InvalidCredentialsError, RateLimitExceededError, TemporarilyUnavailableError)
"""Refusals of a request that the venue did not carry out. A repeat would meet the same refusal."""
_ENDED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class ExchangeOrders:
    """Places, finds and cancels orders of one account."""

    def __init__(self, user_wallet_id: str, access: ExchangeAccess, history: ExchangeHistory) -> None:
        """Trade the account at ``access``, whose orders ``history`` reads."""
        self._user_wallet_id = user_wallet_id
        self._access = access
        self._history = history
        self._connection = access.connection
        self._venue = access.venue

    async def place(self, order: OrderRequest) -> OrderResult:
        """Send an order, unless the venue already has one with this client id.

        This is for scripts. The check costs a call and does not stop two requests at the same moment, so the service
        writes an intent first and calls :meth:`send`. The venue stores no metadata. Only this result repeats it.
        """
        await self.check(order)
        client_id = order.client_order_id
        venue_id = venue_client_id(self._user_wallet_id, client_id)
        found = None if client_id is None else await self.find(venue_id, order.symbol)
        if found is not None:
            _require_same(found, order)
        result = found or await self.send(order, venue_id)
        return replace(result, client_order_id=client_id or venue_id, metadata={**order.metadata, **result.metadata})

    async def check(self, order: OrderRequest) -> Market:
        """Refuse an order whose form or market the venue does not accept, before it is sent, and return its market.

        Raises:
            InvalidSymbolError: the venue does not trade the symbol.
            InvalidOrderError: the order does not fit its market, or the venue does not offer such orders. The detail
                says what is possible.
            OrderRejectedError: the venue has paused the market, or accepts only other orders in it.
            WalletConnectionError, ...: the venue's markets are not known, and it does not list them now.

        """
        market = await self._access.market(order.symbol)
        await self._access.require_accepted(order)
        with exact():
            field_rules.refuse([*self._fields_and_venue(order), *_market_faults(order, market)])
        return market

    def _fields_and_venue(self, order: OrderRequest) -> Iterator[FormFault]:
        yield from field_rules.field_faults(order)
        try:
            self._venue.check(order)
        except InvalidOrderError as refusal:
            others = {name: value for name, value in refusal.members.items() if name != "field"}
            yield FormFault(str(refusal.members.get("field", "type")), "venue", refusal.detail, others)

    async def send(self, order: OrderRequest, venue_id: str) -> OrderResult:
        """Send an order that :meth:`check` passed, once, under the client id ``venue_id``.

        Raises:
            UnknownOutcomeError: the order may have been placed. :meth:`find` finds out later.
            InsufficientBalanceError, OrderRejectedError, InvalidOrderError, ...: the order was not placed.

        """
        await self._access.market(order.symbol)
        whole = self._venue.answers_whole_order

        async def ask(client: Client) -> Mapping[str, Any]:
            placed = await self._venue.place(client, order, venue_id)
            accepted = {"id": str(placed["id"])}
            if not whole:
                return accepted
            try:
                return self._history.readable_one(placed, order.symbol)
            except VenueRefusalError:
                return accepted

        sent = await self._connection.send(self._access.client, ask)
        try:
            return await (
                self._history.result(sent) if "info" in sent else self._history.order(sent["id"], order.symbol)
            )
        except WalletError:
            # The order is placed, but its status could not be read. The next query reads it.
            return _only_accepted(order, str(sent["id"]), venue_id, self._access.clock())

    async def find(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``, None while the venue does not have it.

        Raises:
            WalletConnectionError: the venue did not answer, or does not list its orders or the fills of this one.

        """
        await self._access.market(symbol)

        async def ask(client: Client) -> Mapping[str, Any]:
            return self._history.readable_one(await self._venue.find(client, venue_id, symbol), symbol)

        try:
            return await self._history.result(await self._connection.read(self._access.client, ask))
        except OrderNotFoundError:
            return None

    async def cancel(self, order_id: str, symbol: str) -> bool:
        """Cancel an order. After any answer other than a clear success, the order itself is queried.

        A venue that refuses the key or is too busy has carried out nothing, so its refusal of the first request is
        final. After a request without an answer, a refusal is not final, because that request may have cancelled the
        order. If the venue answers that it is already cancelling the order, this counts as a success.

        Raises:
            OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError: there is nothing to cancel.
            ConflictError: the venue did not cancel the order, which may still fill.
            WalletConnectionError: the venue does not answer. The order may still fill.
            InvalidOrderError: wallets of this venue only read.

        """
        await self._history.check_id(order_id)
        if not self._venue.order_types:
            raise self._venue.only_reads()
        tries = 0

        async def ask(client: Client) -> object:
            nonlocal tries
            tries += 1
            try:
                return await self._venue.cancel(client, order_id, symbol)
            except VenueRefusalError as refusal:
                if refusal.refusal is CANCEL_PENDING:
                    return None
                raise

        try:
            await self._connection.read(self._access.client, ask)
        except WalletError as error:
            if tries <= 1 and isinstance(error, _NOTHING_DONE):
                raise
            said_ended = isinstance(error, OrderNotFoundError | OrderAlreadyFilledError)
            await self._require_cancelled(order_id, symbol, error, ended_before=said_ended and tries == 1)
        return True

    async def _require_cancelled(self, order_id: str, symbol: str, error: WalletError, *, ended_before: bool) -> None:
        """Query an order whose cancellation ended in ``error``. Return if our request has cancelled it.

        ``ended_before`` means that the venue refused our only request because the order had already ended.
        """
        try:
            async with asyncio.timeout(SECONDS_TO_LOOK):
                order = await self._history.order(order_id, symbol)
        except (WalletError, TimeoutError):
            raise error from None
        if order.status is OrderStatus.FILLED:
            raise OrderAlreadyFilledError(f"Order {order_id} is already filled.") from None
        if order.status is OrderStatus.CANCELLED and not ended_before:
            return
        if order.status in _ENDED:
            raise OrderAlreadyClosedError(f"Order {order_id} is already {order.status}.") from None
        if isinstance(error, OrderNotFoundError | OrderAlreadyFilledError):
            raise ConflictError(
                f"The venue did not cancel order {order_id} and shows it as {order.status}.",
                hint="The order may still fill. Cancel it again in a moment.",
            ) from None
        raise error


def _market_faults(order: OrderRequest, market: Market) -> Iterator[FormFault]:
    yield from field_rules.price_faults(order, market)
    if order.quote_amount is not None:
        yield from _quote_faults(order.quote_amount, market)
    if order.amount is not None:
        yield from _amount_faults(order.amount, field_rules.named_price(order), market)


def _amount_faults(amount: Decimal, price: Decimal | None, market: Market) -> Iterator[FormFault]:
    found = [field_rules.amount_fault(amount, market), field_rules.largest_amount_fault(amount, market)]
    if price is not None:
        found.append(field_rules.notional_fault(amount, price, market))
        found.append(field_rules.largest_notional_fault(amount, price, market))
    yield from (fault for fault in found if fault is not None)


def _quote_faults(quote_amount: Decimal, market: Market) -> Iterator[FormFault]:
    """Yield a quote amount that is finer than the tick, which CCXT would truncate silently, or out of bounds."""
    if quote_amount % market.tick_size:
        message = f"The quote_amount {plain(quote_amount)} is not a multiple of {plain(market.tick_size)}."
        yield FormFault("quote_amount", "tick_size", message)
    if quote_amount < market.min_notional:
        message = f"The quote_amount {plain(quote_amount)} is below the minimum of {plain(market.min_notional)}."
        yield FormFault("quote_amount", "min_notional", message, {"min_notional": market.min_notional})
    if market.max_notional is not None and quote_amount > market.max_notional:
        message = f"The quote_amount {plain(quote_amount)} is above the maximum of {plain(market.max_notional)}."
        yield FormFault("quote_amount", "max_notional", message, {"max_notional": market.max_notional})


def _require_same(found: OrderResult, order: OrderRequest) -> None:
    asked = (order.symbol, order.side, order.type, order.price)
    same = asked == (found.symbol, found.side, found.order_type, found.price)
    if not same or (order.amount is not None and order.amount != found.amount):
        raise IdempotencyMismatchError(
            f"Order {found.order_id} already has client_order_id {order.client_order_id} and a different body."
        )


def _only_accepted(order: OrderRequest, order_id: str, venue_id: str, now: datetime) -> OrderResult:
    return OrderResult(
        order_id=order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.type,
        status=OrderStatus.UNKNOWN,
        price=order.price,
        amount=order.amount or ZERO,
        filled_amount=ZERO,
        average_fill_price=None,
        fee=ZERO,
        fee_currency=order.symbol.partition("/")[2],
        timestamp=now,
        client_order_id=venue_id,
    )
