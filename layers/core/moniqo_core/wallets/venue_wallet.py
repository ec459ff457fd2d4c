"""The interface of a wallet whose money is at a venue: what the service needs in addition to the user's interface.

The service writes an intent, sends it once under an id of its own, and asks for it by that id afterwards.
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
    async def market(self, symbol: str) -> Market:
        """Rules of one symbol; raises SymbolNotFoundError."""

    @abstractmethod
    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol of the venue, a few seconds old at most."""

    @abstractmethod
    async def check_order(self, order: OrderRequest) -> Market:
        """Refuse, before anything is sent, what the venue would not take in this form; returns the order's market.

        Raises:
            InvalidSymbolError: the venue does not trade it.
            InvalidOrderError: it does not fit its market, or the venue has no such orders.

        """

    @abstractmethod
    async def send_order(self, order: OrderRequest, venue_id: str) -> OrderResult:
        """Send an order that :meth:`check_order` passed, once, under the client id ``venue_id``.

        Raises:
            UnknownOutcomeError: it may or may not be there; :meth:`find_order` tells later.
            InsufficientBalanceError, OrderRejectedError, InvalidOrderError, ...: it surely was not placed.

        """

    @abstractmethod
    async def find_order(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``, None when the venue has none (yet)."""

    @abstractmethod
    async def get_fills(
        self, symbol: str | None, since: datetime | None = None, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """What was exchanged, oldest first: the last fills the venue gives at once, or the first since a time.

        A ``symbol`` of None is every market, where the venue lists fills of all markets at once.
        """
