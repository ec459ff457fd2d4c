"""A demo account on a market that the test sets point by point. Every commit is checked against the invariants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moniqo_core.domain.ledger import invariants
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import Command, RecordEvaluation
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.ledger.rules import RULES
from moniqo_core.domain.market.market import Market, PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.orders.order import Order, OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest, ReplaceOrder
from moniqo_core.domain.paper import account_lifecycle, decide
from moniqo_core.domain.paper.changes.replaced_order import find_replaced
from moniqo_core.domain.risk.limits import RiskLimits

D = Decimal
START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=15)
BTC = "BTC/USDT"
ETH = "ETH/USDT"
MARKETS = {
    BTC: Market(BTC, "BTC", "USDT", D("0.01"), D("0.00001"), D("0.00001"), D(5)),
    ETH: Market(ETH, "ETH", "USDT", D("0.01"), D("0.0001"), D("0.0001"), D(5)),
}
WIDE = RiskLimits(D(10**9), D(10**9), 100, daily_loss_limit_usd=D(10**9))


class EngineHarness:
    """Holds the account, the clock, and each symbol's price. ``tick`` moves the market by one point."""

    def __init__(self, cash: str = "10000", limits: RiskLimits | None = WIDE, spread: str = "2") -> None:
        self.half = D(spread) / 2
        self.usd_rate = D(1)
        self.now = START
        self.rules = RULES
        self.prices = {BTC: D(50000), ETH: D(3000)}
        self.depth = [(D(0), D(1))]
        self.paths: dict[str, list[PathPoint]] = {BTC: [], ETH: []}
        fee = D("0.1")
        terms = AccountTerms("owner", D(cash), "USDT", fee, fee, D(5), None, limits)
        self.commits: list[Commit] = [account_lifecycle.open_account("wallet", terms, self.now)]
        self.account: Account = self.commits[0].after

    def book(self, *levels: tuple[str, str]) -> None:
        """Show these (distance from the best price, size) levels on both sides."""
        self.depth = [(D(distance), D(size)) for distance, size in levels]

    def snapshot(self, symbol: str) -> Snapshot:
        price = self.prices[symbol]
        bids = [PriceLevel(price - self.half - distance, size) for distance, size in self.depth]
        asks = [PriceLevel(price + self.half + distance, size) for distance, size in self.depth]
        return Snapshot(symbol, self.now, price, bids, asks, "test")

    def tick(self, price: str, symbol: str = BTC, volume: str = "100") -> None:
        """Let the market trade at ``price`` for one step. Other symbols keep their price."""
        self.prices[symbol] = D(price)
        for name, path in self.paths.items():
            size = D(volume) if name == symbol else D(100)
            path.append(PathPoint(self.now, self.now + STEP, self.prices[name], size, self.half))
        self.now += STEP

    def evaluate(self) -> Commit | None:
        """Evaluate resting orders. Keep the commit if something happened."""
        draft = self.walk()
        if not path_walk.has_visible_changes(draft) and not path_walk.is_worth_recording(draft):
            return None
        return self.keep(draft.commit(RecordEvaluation()))

    def do(self, command: Command) -> Commit:
        """Walk and decide as the service does."""
        draft = self.walk()
        if path_walk.has_visible_changes(draft):
            self.keep(draft.commit(RecordEvaluation()))
            draft = self.walk()
        context = None
        symbol = getattr(command, "symbol", None)
        if isinstance(command, ReplaceOrder):
            symbol = find_replaced(draft, command).symbol
        if symbol in MARKETS:
            marks = {name: self.snapshot(name).mid for name in MARKETS}
            context = MarketContext(MARKETS[symbol], self.snapshot(symbol), marks, self.usd_rate)
        return self.keep(decide.decide(draft, command, context))

    def place(self, side: str, kind: str, amount: str | None = None, symbol: str = BTC, **fields: object) -> Order:
        """Place an order. Amounts and prices may be texts."""
        exact = {
            name: D(value) if isinstance(value, str) and name in _AMOUNTS else value for name, value in fields.items()
        }
        size = None if amount is None else D(amount)
        command = OrderRequest(symbol, OrderSide(side), OrderType(kind), size, **exact)  # type: ignore[arg-type]
        commit = self.do(command)
        return next(order for order in commit.orders if order.order_id == f"o-{commit.after.seq}-1")

    def replace(self, order_id: str, **fields: str) -> Order:
        """Replace an order and return it."""
        values = {name: D(value) for name, value in fields.items()}
        self.do(ReplaceOrder(order_id, **values))
        return self.order(order_id)

    def order(self, order_id: str) -> Order:
        """Return an order as its newest commit left it."""
        for commit in reversed(self.commits):
            for order in commit.orders:
                if order.order_id == order_id:
                    return order
        raise KeyError(order_id)

    def free(self, asset: str) -> Decimal:
        return self.account.holding(asset).free

    def locked(self, asset: str) -> Decimal:
        return self.account.holding(asset).locked

    def walk(self) -> AccountDraft:
        """Walk resting orders along the path up to now, on a draft that is not kept."""
        symbols = self.account.tracked_symbols
        paths: dict[str, Sequence[PathPoint]] = {
            symbol: [
                point
                for point in self.paths[symbol]
                if point.start >= self.account.evaluated_until[symbol] and point.end <= self.now
            ]
            for symbol in symbols
        }
        return path_walk.walk(self.account, paths, MARKETS, self.now, self.now, self.usd_rate, rules=self.rules)

    def keep(self, commit: Commit) -> Commit:
        """Check a commit against the invariants and make it the newest."""
        assert invariants.commit_violations(self.account, commit) == []
        assert invariants.account_violations(commit.after) == []
        self.commits.append(commit)
        self.account = commit.after
        return commit


_AMOUNTS = {"price", "stop_price", "trail_percent", "quote_amount"}
