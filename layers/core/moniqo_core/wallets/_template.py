"""A template for a wallet at a venue that CCXT does not support: copy this file and implement the missing calls.

A venue that CCXT supports is less work. It needs a module in ``venues/exchanges/``, like ``binance.py``, and an entry
in ``venues/exchanges/registry.py``.

The implemented parts hold for every venue. Credentials are checked before anything is opened, and secrets stay in the
wallet. Every answer of the venue becomes one of our types or an error of :mod:`moniqo_core.domain.errors`. Amounts are
parsed as ``Decimal``, never as ``float``. A method that is not implemented raises an error with its name and what
callers expect from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NoReturn

from moniqo_core.domain.errors import InvalidCredentialsError, InvalidOrderError, WalletNotInitializedError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.market.ticker import TickerReport
from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.portfolio.equity_curve import EquityCurve
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
from moniqo_core.venues.ccxt.parsing import VenueFill
from moniqo_core.wallets.base import Credentials, OrderResult, PositionReport, WalletBalance
from moniqo_core.wallets.venue_wallet import VenueWallet


class TemplateWallet(VenueWallet):
    """An account at a venue that is not implemented yet."""

    CREDENTIALS: Final = ("api_key", "api_secret")
    """The fields of the definition's ``required_credentials`` that this wallet needs."""

    ORDER_TYPES: Final = frozenset({OrderType.MARKET, OrderType.LIMIT})
    """Order types that the venue itself offers. Any other type is refused, never emulated."""

    def __init__(
        self,
        wallet_id: str,
        user_wallet_id: str,
        credentials: Credentials,
        config: Mapping[str, object] | None = None,
    ) -> None:
        """Keep the arguments. A real venue reads ``config`` into its own frozen dataclass, like ExchangeConfig."""
        super().__init__(wallet_id, user_wallet_id)
        self._credentials = credentials
        self._initialized = False

    def is_initialized(self) -> bool:
        """Return whether ``initialize()`` has finished and ``close()`` has not been called since."""
        return self._initialized

    async def initialize(self) -> None:
        """Check the credentials and open the wallet, or raise InvalidCredentialsError.

        A real venue makes its HTTP client here, never at import and never in ``__init__``.
        """
        missing = [name for name in self.CREDENTIALS if not self._credentials.get(name)]
        if missing:
            raise InvalidCredentialsError(f"Missing credentials: {', '.join(missing)}.")
        self._initialized = True

    async def close(self) -> None:
        """Close what ``initialize()`` opened."""
        self._initialized = False

    async def require_connection(self) -> None:
        """Make the cheapest call with the credentials, or raise InvalidCredentialsError or WalletConnectionError."""
        await self.get_balance()

    async def get_balance(self) -> list[WalletBalance]:
        """Return every asset held, ordered by name. ``locked`` is the amount that open orders hold."""
        self._lacks("get_balance", "one WalletBalance per asset held, ordered by name")

    async def get_markets(self) -> list[Market]:
        """Return the account's symbols (BASE/QUOTE) with the venue's steps and minimums, ordered by name."""
        self._lacks("get_markets", "one Market per symbol that trades, ordered by name")

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Return best prices and order book at the venue's time, or raise SymbolNotFoundError or MarketDataError."""
        self._lacks("get_snapshot", "a Snapshot with the time the venue gave it")

    async def market_clock(self) -> MarketClock:
        """Return the opening hours of the account's markets. Markets for crypto have no calendar."""
        self._lacks("market_clock", "a MarketClock, without a calendar if the markets never close")

    async def tickers(self, symbols: Sequence[str]) -> TickerReport:
        """Return how symbols trade now and traded in the last 24 hours, in the venue's own numbers."""
        self._lacks("tickers", "a TickerReport with one Ticker per symbol, and the symbols without a price")

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, without the candle that is still open unless the query includes it."""
        self._lacks("candles", "a CandleSeries with the time that it covers")

    async def _place(self, order: OrderRequest) -> OrderResult:
        """Send the order once, under the ``client_order_id``, which the venue refuses to accept twice.

        A time-out does not mean that the order failed. Return ``OrderStatus.UNKNOWN``, which reconciliation resolves.
        """
        self._require_initialized()
        if order.type not in self.ORDER_TYPES:
            raise InvalidOrderError(f"This venue does not offer {order.type} orders.", field="type")
        self._lacks("_place", "an OrderResult, the first one for a client_order_id that was used before")

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order, or raise OrderNotFoundError, OrderAlreadyFilledError or OrderAlreadyClosedError."""
        self._lacks("cancel_order", "True when the venue took the cancellation")

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """Return one order, open or ended, or raise OrderNotFoundError."""
        self._lacks("get_order_status", "an OrderResult, also for an order that ended")

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Return the orders that can still fill, oldest first."""
        self._lacks("get_open_orders", "OrderResults that can still fill, oldest first")

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Return orders that ended, newest first."""
        self._lacks("get_order_history", "OrderResults that ended, newest first")

    async def valuation(self) -> Valuation:
        """Value holdings in US dollars. An asset without a price has the value None, never zero."""
        self._lacks("valuation", "a Valuation of get_balance() at the venue's mid prices")

    async def record(self, command: LifecycleCommand, projection: Mapping[str, object]) -> None:
        """Store a change of status or limits in our database. The venue does not know them."""
        self._lacks("record", "the user wallet's document changed in one write")

    async def positions(self) -> PositionReport:
        """Return holdings other than cash with their cost, ordered by symbol."""
        self._lacks("positions", "a PositionReport with one WalletPosition per symbol held, ordered by symbol")

    async def equity(self, since: datetime, until: datetime, step: timedelta) -> EquityCurve:
        """Return the equity that syncs stored, at every full ``step`` of UTC time."""
        self._lacks("equity", "an EquityCurve of the points our database has")

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of one symbol, or raise SymbolNotFoundError."""
        self._lacks("market", "the Market of one symbol")

    async def mids(self) -> Mapping[str, Decimal]:
        """Return the mark price of every symbol of the venue, at most a few seconds old."""
        self._lacks("mids", "mid prices by symbol")

    async def check_order(self, order: OrderRequest) -> Market:
        """Refuse an order whose form or market the venue does not accept, before it is sent."""
        self._lacks("check_order", "the Market of an order that fits it")

    async def send_order(self, order: OrderRequest, venue_id: str) -> OrderResult:
        """Send an order once, under the client id ``venue_id``. Raise UnknownOutcomeError without a clear answer."""
        self._lacks("send_order", "an OrderResult once the venue took the order")

    async def find_order(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``."""
        self._lacks("find_order", "an OrderResult, or None when the venue has no such order")

    async def get_fills(
        self, symbol: str | None, since: datetime | None = None, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """Return fills, oldest first."""
        self._lacks("get_fills", "VenueFills, oldest first")

    def _require_initialized(self) -> None:
        if not self._initialized:
            raise WalletNotInitializedError

    def _lacks(self, method: str, answer: str) -> NoReturn:
        self._require_initialized()
        message = f"{type(self).__name__}.{method} is not implemented. Callers expect {answer}."
        raise NotImplementedError(message)
