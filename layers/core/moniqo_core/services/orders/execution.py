"""One interface for the orders of one open wallet, whatever its money is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rule_check import Preflight
from moniqo_core.wallets.base import BaseWallet


class OrderPage(NamedTuple):
    """Orders newest first; ``next_cursor`` is where the next page begins, None on the last page."""

    records: Sequence[OrderRecord]
    next_cursor: tuple[int, int] | None


class FillPage(NamedTuple):
    """Fills newest first; ``next_cursor`` is where the next page begins, None on the last page."""

    fills: Sequence[Fill]
    next_cursor: tuple[int, int] | None


class OrderExecution(Protocol):
    """The orders of one open wallet. :mod:`moniqo_core.services.orders.opener` makes the one that fits the wallet.

    Callers never ask which kind of wallet it is. Whose wallet it is was checked when it was opened.
    """

    @property
    def account(self) -> BaseWallet:
        """The open wallet whose orders these are."""

    async def place(self, order: OrderRequest) -> OrderRecord:
        """Place an order, or return the order that a repeated ``client_order_id`` stands for, marked ``replayed``.

        Raises:
            IdempotencyMismatchError: the client order id stands for an order with another body.
            WalletPausedError, WalletSuspendedError, LiveTradingOffError: the wallet takes no orders now.
            InvalidSymbolError, InvalidOrderError, OrderRejectedError: the order does not fit its market.
            RiskLimitExceededError, InsufficientBalanceError: the order is too large.
            MarketDataError, WalletConnectionError, TemporarilyUnavailableError: nothing was placed; try again.

        """

    async def find_accepted(self, order: OrderRequest) -> OrderRecord | None:
        """Return the order that the client order id of ``order`` stands for, None where it stands for none.

        Raises:
            IdempotencyMismatchError: it stands for an order with another body.

        """

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order against every rule without placing it; raises MarketDataError, WalletConnectionError."""

    async def close_position(self, symbol: str) -> OrderRecord:
        """Sell all that is held of a symbol at market, after cancelling what else would sell it.

        Raises:
            OrderRejectedError: nothing is held, or less than the smallest amount that trades.

        And what :meth:`place` raises.
        """

    async def get(self, order_id: str) -> OrderRecord:
        """Return one order as it stands now; raises OrderNotFoundError."""

    async def page(self, query: OrderQuery) -> OrderPage:
        """Return a page of orders as they stand now."""

    async def fills(self, query: FillQuery) -> FillPage:
        """Return a page of fills up to now."""

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order and return it.

        Raises:
            OrderNotFoundError: the wallet has no such order.
            OrderAlreadyFilledError, OrderAlreadyClosedError: it ended before; the error's ``order`` is its record.
            ConflictError: it is not known yet whether the order was placed, or its venue cannot find it now.
            WalletConnectionError: the venue does not answer; the order may still be open.

        """

    async def cancel_all(self, symbol: str | None) -> Sequence[OrderRecord]:
        """Cancel every open order, or those of one symbol, and return what was cancelled, oldest first.

        Raises:
            WalletConnectionError: a venue did not answer for some of them; the others are cancelled.

        """

    async def release(self, *, force: bool) -> None:
        """Make sure that no order can fill once the account is closed; with ``force`` cancel open orders.

        Call this before the account records its end. An account that cancels its orders in the commit that closes it
        has nothing to do here.

        Raises:
            WalletInUseError: an order may still fill at a venue.
            WalletConnectionError: the venue did not answer.

        """
