"""The interface that every wallet implements. Its result types are in :mod:`moniqo_core.domain.wallets.results`.

A wallet is one trading account: a paper one (:mod:`moniqo_core.wallets.demo.wallet`) or a real one at a venue
(:mod:`moniqo_core.wallets.venue_wallet`). Callers hold a :class:`BaseWallet` and never check which kind it is. All
methods that may wait are asynchronous. Amounts are exact ``Decimal``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import ClassVar, Literal, Self

from moniqo_core.domain.clock import to_milliseconds
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.domain.market.ticker import TickerReport
from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.domain.portfolio.equity_curve import EquityCurve
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.kinds import IntegrationType, MarketType
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
from moniqo_core.domain.wallets.results import MarketPrice, OrderResult, PositionReport, WalletBalance, WalletPosition
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus

__all__ = [
    "BaseWallet",
    "Credentials",
    "ExitSpec",
    "IntegrationType",
    "MarketPrice",
    "MarketType",
    "OrderResult",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PositionReport",
    "TimeInForce",
    "UserWalletStatus",
    "WalletBalance",
    "WalletPosition",
]


Credentials = Mapping[str, str]
"""The decrypted fields that the wallet's definition requires, by name."""


class BaseWallet(ABC):
    """One trading account. Use it as ``async with wallet:`` or call ``initialize()`` and ``close()``."""

    mode: ClassVar[Literal["paper", "live"]]
    """``live`` for real money, ``paper`` for simulated money."""

    stops_at_losses: ClassVar[bool] = False
    """Whether the account itself stops buying at a loss limit. For all other accounts a sync does."""

    def __init__(self, wallet_id: str, user_wallet_id: str) -> None:
        """Keep the ids of the wallet's definition and of this user's wallet.

        Every kind of wallet is made as ``Kind(wallet_id, user_wallet_id, credentials, config)``. ``credentials`` are
        the decrypted fields that the definition requires, and ``config`` holds everything else that the kind needs.
        Nothing is opened before ``initialize()``.
        """
        self.wallet_id = wallet_id
        self.user_wallet_id = user_wallet_id

    async def __aenter__(self) -> Self:
        """Initialise the wallet when the block is entered."""
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the wallet when the block is left."""
        await self.close()

    @abstractmethod
    def is_initialized(self) -> bool:
        """Return whether ``initialize()`` has finished and ``close()`` has not been called since.

        Until then every other method raises :class:`moniqo_core.domain.errors.WalletNotInitializedError`.
        """

    def get_wallet_info(self) -> dict[str, str | bool]:
        """Describe the wallet without its secrets."""
        return {
            "wallet_id": self.wallet_id,
            "user_wallet_id": self.user_wallet_id,
            "type": type(self).__name__,
            "initialized": self.is_initialized(),
        }

    @abstractmethod
    async def initialize(self) -> None:
        """Open the wallet. Calling this again does nothing."""

    @abstractmethod
    async def close(self) -> None:
        """Release what ``initialize()`` opened. Calling this again does nothing."""

    async def test_connection(self) -> tuple[bool, str | None]:
        """Return whether the account answers, and if not, the reason in a text without secrets."""
        try:
            await self.initialize()
            await self.require_connection()
        except WalletError as error:
            return False, error.title
        return True, None

    @abstractmethod
    async def require_connection(self) -> None:
        """Check that the account answers.

        Raises:
            InvalidCredentialsError: the venue refuses the credentials, or they must not be used here.
            WalletConnectionError: the venue does not answer.

        """

    async def account_names(self) -> Sequence[str]:
        """Return the names by which others know this account. Wallets with a name in common trade the same account.

        Raises:
            InvalidCredentialsError, WalletConnectionError: as in :meth:`require_connection`.

        """
        return ()

    @abstractmethod
    async def get_balance(self) -> list[WalletBalance]:
        """Return every asset held, ordered by name."""

    async def get_balance_for_asset(self, asset: str) -> WalletBalance:
        """Return the balance of one asset, zero when none is held."""
        for balance in await self.get_balance():
            if balance.asset == asset:
                return balance
        return WalletBalance(asset, ZERO, ZERO)

    @abstractmethod
    async def get_markets(self) -> list[Market]:
        """Return the symbols that this wallet can trade, ordered by name."""

    @abstractmethod
    async def market(self, symbol: str) -> Market:
        """Return the trading rules of one symbol, whether it trades now or not, or raise SymbolNotFoundError."""

    @abstractmethod
    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Return best prices and order book of a symbol, or raise SymbolNotFoundError or MarketDataError."""

    @abstractmethod
    async def market_clock(self) -> MarketClock:
        """Return the opening hours of the wallet's markets now."""

    @abstractmethod
    async def tickers(self, symbols: Sequence[str]) -> TickerReport:
        """Return how symbols trade now and traded in the last 24 hours.

        Raises:
            SymbolNotFoundError: the wallet does not trade one of them.
            MarketDataError: none of them has a usable price.

        """

    @abstractmethod
    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, or raise SymbolNotFoundError or MarketDataError."""

    async def get_candles(
        self,
        symbol: str,
        interval: str,
        limit: int = 50,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        include_open: bool = False,
    ) -> Sequence[Candle]:
        """Return candles of ``interval`` (``1m``, ``5m``, ``15m``, ``1h``, ``4h``, ``1d``), oldest first.

        With ``since`` they are the first ``limit`` that start at or after it, otherwise the last. ``until`` is
        exclusive. The candle that is still open is left out, unless ``include_open``.
        """
        query = CandleQuery(interval, limit, since, until, include_open)
        return (await self.candles(symbol, query)).candles

    async def get_market_price(self, symbol: str) -> MarketPrice:
        """Return best prices of a symbol, or raise SymbolNotFoundError or MarketDataError."""
        now = await self.get_snapshot(symbol)
        return MarketPrice(symbol, now.bid, now.ask, now.last, now.at)

    async def place_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal | None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        metadata: Mapping[str, object] | None = None,
        *,
        client_order_id: str | None = None,
        quote_amount: Decimal | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        trail_percent: Decimal | None = None,
        expires_at: datetime | None = None,
        stop_loss: ExitSpec | None = None,
        take_profit: ExitSpec | None = None,
    ) -> OrderResult:
        """Place an order. A repeated ``client_order_id`` returns the first order and places no second one.

        ``stop_loss`` and ``take_profit`` attach exits to an entry, at a price or at a distance in percent. A spec with
        neither uses the wallet's default distance. ``expires_at`` belongs to GTD and must have a time zone.
        """
        order = OrderRequest(
            symbol=symbol,
            side=side,
            type=order_type,
            amount=amount,
            quote_amount=quote_amount,
            price=price,
            stop_price=stop_price,
            trail_percent=trail_percent,
            time_in_force=time_in_force,
            expires_at=None if expires_at is None else to_milliseconds(expires_at),
            post_only=post_only,
            reduce_only=reduce_only,
            stop_loss=stop_loss,
            take_profit=take_profit,
            client_order_id=client_order_id,
            metadata=metadata or {},
        )
        return await self._place(order)

    @abstractmethod
    async def _place(self, order: OrderRequest) -> OrderResult:
        """Place an order as :meth:`place_order` documents."""

    @abstractmethod
    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order, or raise OrderNotFoundError, OrderAlreadyFilledError or OrderAlreadyClosedError."""

    @abstractmethod
    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """Return one order, open or ended, or raise OrderNotFoundError."""

    @abstractmethod
    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Return the orders that can still fill, oldest first."""

    @abstractmethod
    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Return orders that ended, newest first."""

    def version(self, *, of_prices: bool) -> str | None:
        """Return a text that is another one after every change that a read of orders can show.

        With ``of_prices`` it is that of a read of balance and positions. It is None where only a read tells what
        changed, as at a venue.
        """
        return None

    @abstractmethod
    async def valuation(self) -> Valuation:
        """Value holdings and profit at current prices, in US dollars."""

    async def statement(self, opening: PreviousSync, *, trading: bool = False) -> AccountStatement:
        """Return the data that a sync stores: the valuation, and any flows since ``opening`` that the account reports.

        ``trading`` means that an order waits for the statement, so a venue is queried only for what the order needs.
        """
        return AccountStatement(await self.valuation())

    @abstractmethod
    async def record(self, command: LifecycleCommand, projection: Mapping[str, object]) -> None:
        """Change status or limits, or end the account, and set ``projection`` on its user wallet in the same write."""

    @abstractmethod
    async def equity(self, since: datetime, until: datetime, step: timedelta) -> EquityCurve:
        """Return equity at every full ``step`` of UTC time from ``since`` to ``until``, as far as it is known."""

    async def get_positions(self) -> list[WalletPosition]:
        """Return holdings other than cash with their cost, ordered by symbol."""
        return list((await self.positions()).items)

    @abstractmethod
    async def positions(self) -> PositionReport:
        """Return holdings other than cash with their cost, and the time up to which they are evaluated."""
