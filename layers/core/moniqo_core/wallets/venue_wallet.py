"""The interface of a wallet at a venue: the user's interface, and the calls that the service needs to trade it.

The service writes an intent, sends it once under its own client id, and later finds the order by that id.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.venues.ccxt.parsing import VenueFill
from moniqo_core.wallets.base import BaseWallet, OrderResult


class VenueWallet(BaseWallet):
    """One trading account at a venue."""

    mode = "live"

    @abstractmethod
    async def mids(self) -> Mapping[str, Decimal]:
        """Return the mark price of every symbol of the venue, at most a few seconds old."""

    @abstractmethod
    async def check_order(self, order: OrderRequest) -> Market:
        """Refuse an order whose form or market the venue does not accept, before it is sent, and return its market.

        Raises:
            InvalidSymbolError: the venue does not trade the symbol.
            InvalidOrderError: the order does not fit its market, or the venue does not offer such orders.
            OrderRejectedError: the venue has paused the market, or accepts only other orders in it.

        """

    async def require_accepted(self, order: OrderRequest) -> None:
        """Raise OrderRejectedError for an order that the venue does not accept while its market is paused.

        A venue that never pauses a market accepts every order.
        """

    @abstractmethod
    async def send_order(self, order: OrderRequest, venue_id: str) -> OrderResult:
        """Send an order that :meth:`check_order` passed, once, under the client id ``venue_id``.

        Raises:
            UnknownOutcomeError: the order may have been placed. :meth:`find_order` finds out later.
            InsufficientBalanceError, OrderRejectedError, InvalidOrderError, ...: the order was not placed.

        """

    @abstractmethod
    async def find_order(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``, None while the venue does not have it."""

    @abstractmethod
    async def get_fills(
        self, symbol: str | None, since: datetime | None = None, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """Return fills, oldest first: the last page of the venue, or with ``since`` the first page from that time on.

        A ``symbol`` of None means every market. Only some venues list fills of all markets at once.
        """
