"""The interface for orders of an open wallet, which paper and live wallets share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest, ReplaceOrder
from moniqo_core.wallets.base import BaseWallet

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Preflight


class OrderPage(NamedTuple):
    """Orders, newest first. ``next_cursor`` is the start of the next page, None on the last page."""

    records: Sequence[OrderRecord]
    next_cursor: tuple[int, int] | None


class FillPage(NamedTuple):
    """Fills, newest first. ``next_cursor`` is the start of the next page, None on the last page."""

    fills: Sequence[Fill]
    next_cursor: tuple[int, int] | None


class OrderExecution(Protocol):
    """The orders of one open wallet. :mod:`moniqo_core.services.orders.opener` chooses the implementation.

    Callers do not check which kind of wallet it is. The opener has already checked who owns it.
    """

    @property
    def account(self) -> BaseWallet:
        """The open wallet whose orders these are."""

    async def place(self, order: OrderRequest) -> OrderRecord:
        """Place an order, or return the order already placed under its ``client_order_id``, marked ``replayed``.

        Raises:
            IdempotencyMismatchError: the client order id belongs to an order with a different body.
            WalletPausedError, WalletSuspendedError, LiveTradingOffError: the wallet accepts no orders now.
            InvalidSymbolError, InvalidOrderError, OrderRejectedError: the order does not fit its market.
            RiskLimitExceededError, InsufficientBalanceError: the order is too large.
            MarketDataError, WalletConnectionError, TemporarilyUnavailableError: nothing was placed. Try again.

        """

    async def find_accepted(self, order: OrderRequest | ClosePosition) -> OrderRecord | None:
        """Return the order already placed under the client order id of ``order``, None when there is none.

        Raises:
            IdempotencyMismatchError: the client order id belongs to an order with a different body.

        """

    async def accepted_under(self, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests by client order id, for ids that begin with ``prefix``.

        The prefix ends with a colon. Early requests of paper wallets have no hash.
        """

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order against every rule without placing it, or raise MarketDataError or WalletConnectionError."""

    async def close_position(self, close: ClosePosition) -> OrderRecord:
        """Sell a position in a symbol at market: all of it after cancelling its other sell orders, or a part.

        Under a ``client_order_id`` that is taken, return its order like :meth:`place` and sell nothing.

        Raises:
            OrderRejectedError: there is no position, or it is below the smallest amount that trades.
            InvalidOrderError: the part is not a whole number of lots, or smaller than the smallest order.
            InsufficientBalanceError: the part is more than is held, or in a live wallet, more than is free.

        Also raises the errors of :meth:`place`.
        """

    async def get(self, order_id: str) -> OrderRecord:
        """Return the current state of one order, or raise OrderNotFoundError."""

    async def page(self, query: OrderQuery) -> OrderPage:
        """Return a page of orders in their current state."""

    async def fills(self, query: FillQuery) -> FillPage:
        """Return a page of fills up to now."""

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order and return it.

        Raises:
            OrderNotFoundError: the wallet has no such order.
            OrderAlreadyFilledError, OrderAlreadyClosedError: it has already ended. The error's ``order`` is its record.
            ConflictError: it is not known yet whether the order was placed, or its venue cannot find it now.
            WalletConnectionError: the venue does not answer. The order may still be open.

        """

    async def cancel_all(self, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every open order, or those of one symbol, and return the cancelled orders, oldest first.

        Raises:
            WalletConnectionError: the venue did not answer for some of them. The others are cancelled.

        """

    async def replace(self, command: ReplaceOrder) -> OrderRecord:
        """Change an open order in place and return it. A repeat returns the order, also after it ended.

        Raises:
            OrderNotFoundError: the wallet has no such order.
            OrderAlreadyFilledError, OrderAlreadyClosedError: it has ended. The error's ``order`` is its record.
            OrderChangedError: its filled amount is not the one that the command expects.
            ReplaceNotSupportedError: orders of this wallet cannot be changed.

        Also raises the errors of :meth:`place`. The order is then as it was.
        """

    async def release(self, *, force: bool) -> None:
        """Make sure that no order can fill after the account is closed. With ``force``, cancel open orders first.

        Call this before the account records its end. It does nothing for an account that cancels its orders in the
        commit that closes it.

        Raises:
            WalletInUseError: an order may still fill at a venue.
            WalletConnectionError: the venue did not answer.

        """
