"""A demo wallet: paper money with one cash asset, recorded in an append-only journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.market.ticker import TickerReport, report
from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper.sync_statement import account_record_of, asset_flows_of
from moniqo_core.domain.portfolio.equity_curve import EquityCurve
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot
from moniqo_core.wallets.base import BaseWallet, Credentials, OrderResult, PositionReport, WalletBalance
from moniqo_core.wallets.demo.access import DemoAccess
from moniqo_core.wallets.demo.config import DemoConfig
from moniqo_core.wallets.demo.market_view import tradable_market, tradable_markets
from moniqo_core.wallets.demo.orders import DemoOrders
from moniqo_core.wallets.demo.records import order_result, wallet_position
from moniqo_core.wallets.demo.resets import reset
from moniqo_core.wallets.demo.shown_state import version_of

if TYPE_CHECKING:
    from moniqo_core.wallets.demo.history import DemoPast


class DemoWallet(BaseWallet):
    """Paper money that behaves like real money.

    ``config`` is a :class:`moniqo_core.wallets.demo.config.DemoConfig` or a mapping with the same names. A script
    passes ``{"db": database}``. ``initialize()`` opens an account that does not exist yet with the credential
    ``initial_balance_usd``, unless the config names an owner.

    The wallet holds its parts: ``access`` opens the account and holds its feed, ``orders`` places and reads orders,
    ``past`` reads the account's history.
    """

    mode = "paper"
    stops_at_losses = True

    def __init__(
        self,
        wallet_id: str,
        user_wallet_id: str,
        credentials: Credentials,
        config: DemoConfig | Mapping[str, object] | None = None,
    ) -> None:
        """Keep the arguments. Nothing is read before ``initialize()``.

        Raises:
            ValueError, TypeError: ``config`` lacks an entry or has a wrong one.

        """
        super().__init__(wallet_id, user_wallet_id)
        chosen = config if isinstance(config, DemoConfig) else DemoConfig.from_mapping(config or {})
        self.access = DemoAccess(user_wallet_id, credentials, chosen)
        self.orders = DemoOrders(self.access)

    @property
    def past(self) -> DemoPast:
        """The reader of this wallet's history, which no order needs."""
        from moniqo_core.wallets.demo.history import DemoPast

        return DemoPast(self.access)

    @property
    def account(self) -> Account:
        """The account as last read or committed."""
        return self.access.session.account

    @property
    def seen(self) -> Account:
        """The account as of the last evaluation, including changes that were not committed."""
        return self.access.session.seen

    @property
    def feed(self) -> PriceFeed:
        """The feed this wallet trades on."""
        return self.access.feed

    def is_initialized(self) -> bool:
        """Return whether ``initialize()`` has finished and ``close()`` has not been called since."""
        return self.access.is_open

    async def initialize(self) -> None:
        """Read the account. Raise NotFoundError if it is not the owner's or was deleted."""
        await self.access.open()

    async def close(self) -> None:
        """Drop the account. The database stays open, because it belongs to the caller."""
        self.access.close()

    async def require_connection(self) -> None:
        """Check that the account can be read, or raise NotFoundError."""
        await self.initialize()

    def version(self, *, of_prices: bool) -> str | None:
        """Return the version of the account as last read, or None where only an evaluation tells what changed."""
        return version_of(self.account, self.feed if of_prices else None)

    async def evaluate(self) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now."""
        return await self.orders.evaluate()

    async def get_balance(self) -> list[WalletBalance]:
        """Evaluate resting orders, then return every asset held, ordered by name."""
        await self.access.session.evaluate()
        return [WalletBalance(asset, held.free, held.locked) for asset, held in sorted(self.account.balances.items())]

    async def valuation(self) -> Valuation:
        """Evaluate resting orders, then value holdings and profit at current prices, in US dollars."""
        return await self.access.session.valuation()

    async def statement(self, opening: PreviousSync, *, trading: bool = False) -> AccountStatement:
        """Return holdings, the flows since the start of the epoch, and hourly equity not yet in the journal."""
        value = await self.valuation()
        session = self.access.session
        account = session.seen
        return AccountStatement(value, asset_flows_of(account), session.unwritten_samples, account_record_of(account))

    async def get_markets(self) -> list[Market]:
        """Return the symbols quoted in the cash asset that the account's terms allow."""
        return await tradable_markets(self.account, self.feed)

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of one symbol, whether it trades now or not, or raise SymbolNotFoundError."""
        return await tradable_market(symbol, self.account, self.feed)

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Return best prices and order book of a symbol."""
        await tradable_market(symbol, self.account, self.feed)
        return await self.feed.snapshot(symbol, fresh=False)

    async def market_clock(self) -> MarketClock:
        """Return the opening hours of the markets that are quoted in the cash asset."""
        cash = self.account.terms.cash_asset
        return MarketClock(self.access.clock(), self.feed.calendar(cash))

    async def tickers(self, symbols: Sequence[str]) -> TickerReport:
        """Return how symbols trade now and traded in the last 24 hours."""
        for symbol in symbols:
            await tradable_market(symbol, self.account, self.feed)
        return report(symbols, await self.feed.tickers(symbols))

    async def candles(self, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles of the venue of the path, oldest first."""
        await tradable_market(symbol, self.account, self.feed)
        return await self.feed.candles(symbol, query)

    async def _place(self, order: OrderRequest) -> OrderResult:
        return order_result(await self.orders.submit(order))

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order. ``symbol`` is not used here. Some venues need it."""
        return (await self.orders.cancel(order_id)).status is OrderStatus.CANCELLED

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """Return one order, open or ended."""
        await self.orders.evaluate()
        return order_result(await self.orders.get(order_id))

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Return the orders that can still fill, oldest first."""
        return [order_result(order) for order in await self.orders.open_orders(symbol)]

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Return orders that ended, newest first."""
        await self.orders.evaluate()
        records, _ = await self.orders.page(OrderQuery(limit, only_open=False, symbol=symbol))
        return [order_result(record) for record in records]

    async def positions(self) -> PositionReport:
        """Return holdings other than cash, and the time up to which resting orders are evaluated."""
        session = self.access.session
        complete = await session.evaluate()
        account = session.seen
        held = {symbol: position for symbol, position in sorted(account.positions.items()) if position.amount}
        marks = await self.feed.mids(list(held))
        with exact():
            items = tuple(wallet_position(symbol, position, marks.get(symbol)) for symbol, position in held.items())
        walked = [account.evaluated_until[symbol] for symbol in held]
        return PositionReport(items, min(walked, default=account.at), not complete, account.at)

    async def equity(self, since: datetime, until: datetime, step: timedelta) -> EquityCurve:
        """Return equity at every full ``step`` of UTC time from ``since`` to ``until``, as far as it is known."""
        return EquityCurve(self.mode, await self.past.equity(since, until, step))

    async def open_account(
        self, terms: AccountTerms, projection: Mapping[str, object] | None = None
    ) -> BalanceSnapshot:
        """Open the account and insert its user wallet with the returned balance, or raise ConflictError."""
        return await self.access.open_account(terms, projection)

    async def open_fork(self, source: Account, projection: Mapping[str, object]) -> BalanceSnapshot:
        """Open the account as a copy of ``source``, or raise ConflictError or MarketDataError."""
        return await self.access.open_fork(source, projection)

    async def reset(self, command: ResetAccount, projection: Mapping[str, object]) -> bool:
        """Start a new epoch, as :func:`moniqo_core.wallets.demo.resets.reset` documents."""
        return await reset(self.access, command, projection)

    async def record(self, command: LifecycleCommand, projection: Mapping[str, object]) -> None:
        """Record a change of status or limits, or the end of the account, in one commit with its user wallet."""
        await self.access.session.run(command, projection)
