"""Where a wallet that is not CCXT's begins: copy this file and write the calls it lacks.

A venue CCXT knows is less work: a file in ``venues/exchanges/`` beside ``binance.py``, named in
``venues/exchanges/registry.py``.

What is written here holds for every venue: credentials are checked before anything is opened, secrets stay in the
wallet, whatever the venue says comes out as one of :mod:`moniqo_core.domain.errors` or one of our types, and amounts
are ``Decimal`` from the first byte parsed (never ``float``). A method that is not written yet says which one it is and
what callers expect of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from moniqo_core.domain.errors import InvalidCredentialsError, InvalidOrderError
from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.wallets.changes import LifeCommand
from moniqo_core.wallets.base import BaseWallet, OrderResult, PositionReport, WalletBalance


class TemplateWallet(BaseWallet):
    """An account at a venue that nobody has written yet."""

    mode = "live"

    CREDENTIALS: Final = ("api_key", "api_secret")
    """Fields of the definition's ``required_credentials`` this wallet cannot do without."""

    ORDER_TYPES: Final = frozenset({OrderType.MARKET, OrderType.LIMIT})
    """What the venue offers itself; any other type is refused, never imitated."""

    async def initialize(self) -> None:
        """Check the credentials and get ready; raises InvalidCredentialsError.

        A real venue makes its HTTP client here: never at import, never in ``__init__``.
        """
        missing = [name for name in self.CREDENTIALS if not self._credentials.get(name)]
        if missing:
            raise InvalidCredentialsError(f"Missing credentials: {', '.join(missing)}.")
        self._initialized = True

    async def close(self) -> None:
        """Close what ``initialize()`` opened."""
        self._initialized = False

    async def require_connection(self) -> None:
        """Make the cheapest call that needs the credentials; raises InvalidCredentialsError, WalletConnectionError."""
        await self.get_balance()

    async def get_balance(self) -> list[WalletBalance]:
        """Every asset held, ordered by name; ``locked`` is what open orders hold."""
        self._lacks("get_balance", "one WalletBalance per asset held, ordered by name")

    async def get_markets(self) -> list[Market]:
        """Symbols of the account, written BASE/QUOTE, with the venue's steps and minimums, ordered by name."""
        self._lacks("get_markets", "one Market per symbol that trades, ordered by name")

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Best prices and book now, at the venue's time; raises SymbolNotFoundError, MarketDataError."""
        self._lacks("get_snapshot", "a Snapshot with the time the venue gave it")

    async def get_candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last closed candles, oldest first; the candle that is still open is not among them."""
        self._lacks("get_candles", "closed Candles only, oldest first")

    async def _place(self, order: OrderRequest) -> OrderResult:
        """Send the order once, under the ``client_order_id`` the venue refuses to take twice.

        A time-out does not mean that the order failed: answer ``OrderStatus.UNKNOWN`` and let a later look settle it.
        """
        self.require_initialized()
        if order.type not in self.ORDER_TYPES:
            raise InvalidOrderError(f"This venue does not offer {order.type} orders.", field="type")
        self._lacks("_place", "an OrderResult, the first one for a client_order_id that was used before")

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        self._lacks("cancel_order", "True when the venue took the cancellation")

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """One order, open or ended; raises OrderNotFoundError."""
        self._lacks("get_order_status", "an OrderResult, also for an order that ended")

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Orders that can still fill, oldest first."""
        self._lacks("get_open_orders", "OrderResults that can still fill, oldest first")

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Orders that ended, newest first."""
        self._lacks("get_order_history", "OrderResults that ended, newest first")

    async def valuation(self) -> Valuation:
        """Holdings in US dollars; an asset nobody prices has a value of None, never zero."""
        self._lacks("valuation", "a Valuation of get_balance() at the venue's mid prices")

    async def record(self, command: LifeCommand, projection: Mapping[str, object]) -> None:
        """Keep a change of status or limits; the venue knows nothing of them, so only our database changes."""
        self._lacks("record", "the user wallet's document changed in one write")

    async def positions(self) -> PositionReport:
        """What is held beside cash, with its cost, ordered by symbol."""
        self._lacks("positions", "a PositionReport with one WalletPosition per symbol held, ordered by symbol")

    def _lacks(self, method: str, answer: str) -> NoReturn:
        self.require_initialized()
        message = f"{type(self).__name__}.{method} is not implemented. Callers expect {answer}."
        raise NotImplementedError(message)
