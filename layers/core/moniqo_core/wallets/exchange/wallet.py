"""A wallet at an exchange, through CCXT. It holds what all venues have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.market.snapshot_checks import check_not_crossed, check_sane
from moniqo_core.domain.market.ticker import TickerReport, report
from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.portfolio.equity_curve import EquityCurve, only_on_grid
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
from moniqo_core.venues.ccxt.parsing import VenueFill
from moniqo_core.venues.exchange_candles import candles_of
from moniqo_core.venues.exchange_prices import snapshot_of, tickers_of
from moniqo_core.venues.transport.venue_calls import READ_SECONDS
from moniqo_core.wallets.base import Credentials, OrderResult, PositionReport, WalletBalance
from moniqo_core.wallets.exchange.access import ExchangeAccess
from moniqo_core.wallets.exchange.account import ExchangeAccount
from moniqo_core.wallets.exchange.config import ExchangeConfig
from moniqo_core.wallets.exchange.history import ExchangeHistory
from moniqo_core.wallets.exchange.orders import ExchangeOrders
from moniqo_core.wallets.venue_wallet import VenueWallet


class ExchangeWallet(VenueWallet):
    """A spot account at a venue. Nothing is sent before the first call that queries the venue.

    ``config`` is an :class:`moniqo_core.wallets.exchange.config.ExchangeConfig` or a mapping with the same names.
    ``connection`` is required.

    The wallet holds its parts: ``access`` opens the account and holds its connection, ``account`` reads what it holds,
    ``history`` reads orders and fills, ``orders`` places and cancels orders.
    """

    def __init__(
        self,
        wallet_id: str,
        user_wallet_id: str,
        credentials: Credentials,
        config: ExchangeConfig | Mapping[str, object] | None = None,
    ) -> None:
        """Keep the arguments.

        Raises:
            ValueError, TypeError: ``config`` lacks an entry or has a wrong one.

        """
        super().__init__(wallet_id, user_wallet_id)
        chosen = config if isinstance(config, ExchangeConfig) else ExchangeConfig.from_mapping(config or {})
        self._config = chosen
        self.access = ExchangeAccess(credentials, chosen)
        self.history = ExchangeHistory(self.access)
        self.orders = ExchangeOrders(user_wallet_id, self.access, self.history)
        self.account = ExchangeAccount(self.access, self.history, chosen.kept_fills)

    def is_initialized(self) -> bool:
        """Return whether ``initialize()`` has finished and ``close()`` has not been called since."""
        return self.access.is_open

    async def initialize(self) -> None:
        """Allow calls, without a request to the venue."""
        self.access.open()

    async def close(self) -> None:
        """Drop the account. The connection stays open, because its owner closes it."""
        self.access.close()

    async def require_connection(self) -> None:
        """Raise InvalidCredentialsError for a key that is refused or can withdraw, or WalletConnectionError."""
        await self.account.require_connection()

    async def account_names(self) -> Sequence[str]:
        """Return the names by which the venue knows the account: its API key, and its id where the venue tells it."""
        return await self.account.names()

    async def get_balance(self) -> list[WalletBalance]:
        """Return every asset held, ordered by name."""
        return await self.account.balances()

    async def valuation(self) -> Valuation:
        """Value holdings at the venue's marks, in US dollars, without a profit: the venue does not report one."""
        return await self.account.valuation()

    async def statement(self, opening: PreviousSync, *, trading: bool = False) -> AccountStatement:
        """Return the data of a sync: key permissions, holdings, and the flows since ``opening`` that fills explain.

        ``trading`` means that an order waits for the statement. Then key permissions are left out.
        """
        return await self.account.statement(opening, trading=trading)

    async def get_markets(self) -> list[Market]:
        """Return the symbols that trade on the venue's spot market, ordered by name."""
        return await self.access.markets()

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of one symbol, or raise SymbolNotFoundError."""
        return await self.access.market(symbol)

    async def mids(self) -> Mapping[str, Decimal]:
        """Return the mark price of every symbol of the venue, and the rates of dollar tokens that it does not list."""
        return await self.access.mids()

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Return best prices and order book of a symbol, at the venue's time."""
        await self.market(symbol)
        shown = await snapshot_of(self.access.connection, symbol, self.access.venue.exchange, READ_SECONDS)
        check_sane(shown)
        check_not_crossed(shown)
        return shown

    async def market_clock(self) -> MarketClock:
        """Return that the markets are open: those of an exchange for crypto never close."""
        self.access.require_open()
        return MarketClock(self.access.clock(), None)

    async def tickers(self, symbols: Sequence[str]) -> TickerReport:
        """Return how symbols trade now and traded in the last 24 hours, in the venue's own numbers."""
        for symbol in symbols:
            await self.market(symbol)
        access = self.access
        found = await tickers_of(access.connection, symbols, access.venue.exchange, READ_SECONDS, access.clock)
        return report(symbols, found)

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first."""
        await self.market(symbol)
        return await candles_of(self.access.connection, symbol, query, self.access.clock(), READ_SECONDS)

    async def _place(self, order: OrderRequest) -> OrderResult:
        return await self.orders.place(order)

    async def check_order(self, order: OrderRequest) -> Market:
        """Refuse an order whose form or market the venue does not accept, before it is sent, and return its market."""
        return await self.orders.check(order)

    async def require_accepted(self, order: OrderRequest) -> None:
        """Raise OrderRejectedError for an order that the venue does not accept while its market is paused."""
        await self.access.require_accepted(order)

    async def send_order(self, order: OrderRequest, venue_id: str) -> OrderResult:
        """Send an order that :meth:`check_order` passed, once, under the client id ``venue_id``."""
        return await self.orders.send(order, venue_id)

    async def find_order(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``, None while the venue does not have it."""
        return await self.orders.find(venue_id, symbol)

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order, or raise OrderNotFoundError, OrderAlreadyFilledError or OrderAlreadyClosedError."""
        return await self.orders.cancel(order_id, symbol)

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """Return one order, open or ended, or raise OrderNotFoundError."""
        return await self.history.order(order_id, symbol)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Return the orders that can still fill, oldest first."""
        return await self.history.open_orders(symbol)

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Return orders that ended, newest first. Raise SymbolNotFoundError where the venue needs a symbol."""
        return await self.history.ended_orders(symbol, limit)

    async def get_fills(
        self, symbol: str | None, since: datetime | None = None, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """Return fills, oldest first: the last page of the venue, or the first page since a time."""
        return await self.history.fills(symbol, since, order_id=order_id)

    async def positions(self) -> PositionReport:
        """Return holdings other than dollars, with their cost as far as fills at this venue add up to them."""
        return await self.account.positions()

    async def equity(self, since: datetime, until: datetime, step: timedelta) -> EquityCurve:
        """Return equity at every full ``step`` of UTC time from ``since`` to ``until``, as far as syncs stored it."""
        read = self._config.kept_equity
        found = () if read is None else await read(since, until)
        return EquityCurve(self.mode, only_on_grid(found, since, until, step))

    async def record(self, command: LifecycleCommand, projection: Mapping[str, object]) -> None:
        """Store a change of the wallet's lifecycle in our database. The venue does not know it.

        Raises:
            ConflictError: the wallet is not stored in a database.

        """
        self.access.require_open()
        keep = self._config.record
        if keep is None:
            raise ConflictError("This wallet is not stored in a database.")
        await keep(command, projection)
