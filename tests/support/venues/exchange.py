"""Common code of the fake venues: markets, accounts, orders, and simple matching around a price set by the test."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

D = Decimal
LEVELS = 20
MINUTE = 60_000
CENT, UNIT, FIVE, PER_MILLE = D("0.01"), D("0.00001"), D(5), D("0.001")


@dataclass(frozen=True)
class Listed:
    """A market."""

    base: str
    quote: str
    price: Decimal
    tick: Decimal = CENT
    lot: Decimal = UNIT
    min_amount: Decimal = UNIT
    min_notional: Decimal = FIVE

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True)
class Day:
    """The last 24 hours of a symbol: the price before them, the highest, the lowest, and the volume."""

    before: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal


class RefusedError(Exception):
    """A refusal of the exchange. Each venue has its own code for ``reason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Fill:
    id: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: int

    @property
    def quote(self) -> Decimal:
        return self.price * self.amount


@dataclass(frozen=True)
class Ticket:
    """An order as requested: ``amount`` of the base asset, or ``quote_amount``."""

    client_id: str
    symbol: str
    side: str
    kind: str  # market, limit, stop, stop_limit, take_profit
    amount: Decimal | None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    stop: Decimal | None = None
    time_in_force: str = "GTC"
    post_only: bool = False


@dataclass
class Order:
    id: str
    number: int
    client_id: str
    symbol: str
    side: str
    kind: str
    amount: Decimal
    price: Decimal | None
    stop: Decimal | None
    time_in_force: str
    post_only: bool
    quote_amount: Decimal | None
    at: int
    status: str = "open"  # open, filled, cancelled, expired
    waiting: bool = False
    updated: int = 0
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.amount for fill in self.fills), D(0))

    @property
    def quote(self) -> Decimal:
        return sum((fill.quote for fill in self.fills), D(0))

    @property
    def left(self) -> Decimal:
        return self.amount - self.filled


@dataclass
class Account:
    key: str
    secret: str
    free: dict[str, Decimal]
    locked: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    by_client: dict[str, Order] = field(default_factory=dict)
    revoked: bool = False
    can_trade: bool = True
    can_withdraw: bool = False
    ip_restricted: bool = False
    last_nonce: int = 0
    held: dict[str, tuple[str, Decimal]] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(secrets.randbelow(10**9)))
    """The venue's own id of the account. Give another account the same one for a second key of the account."""

    def assets(self) -> list[str]:
        return sorted({*self.free, *self.locked})


MARKETS = (
    Listed("BTC", "USDT", D(50000)),
    Listed("ETH", "USDT", D(3000), lot=D("0.0001"), min_amount=D("0.0001")),
    Listed("SOL", "USDT", D("99.99"), lot=D("0.001"), min_amount=D("0.001")),
    Listed("USDC", "USDT", D("0.9998"), tick=D("0.0001"), lot=D(1), min_amount=D(1)),
)


class Exchange:
    """Balances, orders and prices."""

    def __init__(
        self, markets: Iterable[Listed] = MARKETS, *, fee: Decimal = PER_MILLE, fee_in_base: bool = False
    ) -> None:
        self.listed = {market.symbol: market for market in markets}
        self.prices = {market.symbol: market.price for market in self.listed.values()}
        self.best: dict[str, tuple[Decimal, Decimal]] = {}
        self.accounts: dict[str, Account] = {}
        self.fee = fee
        self.fee_in_base = fee_in_base
        self.skew_ms = 0
        self.days: dict[str, Day] = {}
        self.traded: dict[int, tuple[Decimal, Decimal, Decimal, Decimal, Decimal]] | None = None
        self.numbers = itertools.count(1000)
        self.name_order: Callable[[int], str] = str

    def now(self) -> int:
        """The venue's time in milliseconds."""
        return int(time.time() * 1000) + self.skew_ms

    def open(self, balances: dict[str, str], **given: object) -> Account:
        """Make an account with a key of its own."""
        key = str(given.pop("key", None) or secrets.token_hex(16))
        secret = str(given.pop("secret", None) or secrets.token_hex(32))
        account = Account(key, secret, {name: D(value) for name, value in balances.items()})
        for name, value in given.items():
            setattr(account, name, value)
        self.accounts[account.key] = account
        return account

    def book(self, symbol: str) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Bids and asks, best first."""
        market, price = self.listed[symbol], self.prices[symbol]
        if symbol in self.best:
            bid, ask = self.best[symbol]
            return [(bid, market.lot)], [(ask, market.lot)]
        sizes = [market.lot * 20000 * (number + 1) for number in range(LEVELS)]
        bids = [(price - market.tick * (number + 1), size) for number, size in enumerate(sizes)]
        asks = [(price + market.tick * (number + 1), size) for number, size in enumerate(sizes)]
        return [level for level in bids if level[0] > 0], asks

    def bar(self, symbol: str, start: int, step: int) -> list[str] | None:
        """Open, high, low, close and volume of a period in milliseconds, None without a trade in it.

        Without ``traded`` the price has always been what it is, and every period has a trade.
        """
        if self.traded is None:
            return [str(self.prices[symbol])] * 4 + ["1.5"]
        if start + step <= next(iter(self.traded)):
            return None  # a venue need not search years before its first trade
        own = [self.traded[at] for at in range(start, start + step, MINUTE) if at in self.traded]
        if not own:
            return None
        highest, lowest = max(bar[1] for bar in own), min(bar[2] for bar in own)
        return [str(value) for value in (own[0][0], highest, lowest, own[-1][3], sum(bar[4] for bar in own))]

    def bars(self, symbol: str, step: int, first: int, last: int) -> list[tuple[int, list[str]]]:
        """The periods that start from ``first`` to ``last`` and have begun, each with its start."""
        starts = range(-(-first // step) * step, min(last, self.now()) + 1, step)
        found = ((start, self.bar(symbol, start, step)) for start in starts)
        return [(start, bar) for start, bar in found if bar is not None]

    def day(self, symbol: str) -> Day:
        """How a symbol traded in the last 24 hours."""
        return self.days.get(symbol) or Day(self.prices[symbol], self.prices[symbol], self.prices[symbol], D("1.5"))

    def place(self, account: Account, ticket: Ticket) -> Order:
        """Check, lock and match an order, or raise RefusedError."""
        market = self._check(account, ticket)
        side, price, in_force, amount = ticket.side, ticket.price, ticket.time_in_force, ticket.amount
        best = self.book(ticket.symbol)[1 if side == "buy" else 0][0][0]
        if amount is None:
            assert ticket.quote_amount is not None
            amount = self._amount_for(ticket.quote_amount, ticket.symbol, side) // market.lot * market.lot
        crosses = price is not None and (price >= best if side == "buy" else price <= best)
        if ticket.post_only and crosses:
            raise RefusedError("takes")
        if in_force == "FOK" and not crosses and ticket.kind == "limit":
            raise RefusedError("unfillable")
        number = next(self.numbers)
        order = Order(
            self.name_order(number),
            number,
            **{**vars(ticket), "amount": amount},
            at=self.now(),
            waiting=ticket.stop is not None,
        )
        self._lock(account, order, market, best)
        account.orders[order.id] = account.by_client[order.client_id] = order
        if not order.waiting and (order.kind == "market" or crosses):
            self._take(account, order, market)
        if order.status == "open" and (in_force in {"IOC", "FOK"} or order.kind == "market"):
            self._end(account, order, "expired")
        return order

    def _check(self, account: Account, ticket: Ticket) -> Listed:
        amount, price = ticket.amount, ticket.price
        market = self.listed.get(ticket.symbol)
        if market is None:
            raise RefusedError("symbol")
        if not account.can_trade:
            raise RefusedError("permission")
        before = account.by_client.get(ticket.client_id)
        if before is not None and (before.status == "open" or self.remembers_client_ids):
            raise RefusedError("duplicate")
        if price is not None and (price <= 0 or price % market.tick):
            raise RefusedError("PRICE_FILTER")
        if amount is not None and (amount < market.min_amount or amount % market.lot):
            raise RefusedError("LOT_SIZE")
        worth = ticket.quote_amount if amount is None else amount * (price or self.prices[ticket.symbol])
        if worth is None or worth < market.min_notional:
            raise RefusedError("NOTIONAL")
        return market

    def _amount_for(self, quote_amount: Decimal, symbol: str, side: str) -> Decimal:
        """Return the amount that this quote amount buys or sells, level by level."""
        amount, left = D(0), quote_amount
        for price, size in self.book(symbol)[1 if side == "buy" else 0]:
            taken = min(size, left / price)
            amount, left = amount + taken, left - taken * price
        return amount

    remembers_client_ids = False
    """Whether an id stays used after its order ended."""

    def _lock(self, account: Account, order: Order, market: Listed, best: Decimal) -> None:
        if order.side == "sell":
            asset, needed = market.base, order.amount
        else:
            asset = market.quote
            rate = order.price if order.price is not None else best
            needed = order.amount * rate * (1 if self.fee_in_base else 1 + self.fee)
        if account.free.get(asset, D(0)) < needed:
            raise RefusedError("funds")
        account.free[asset] -= needed
        account.locked[asset] = account.locked.get(asset, D(0)) + needed
        account.held[order.id] = (asset, needed)

    def _take(self, account: Account, order: Order, market: Listed) -> None:
        bids, asks = self.book(order.symbol)
        for price, size in asks if order.side == "buy" else bids:
            if order.price is not None and (price > order.price if order.side == "buy" else price < order.price):
                break
            self._fill(account, order, market, price, min(size, order.left), maker=False)
            if not order.left:
                break

    def _fill(
        self, account: Account, order: Order, market: Listed, price: Decimal, amount: Decimal, *, maker: bool
    ) -> None:
        if amount <= 0:
            return
        base, quote = market.base, market.quote
        in_base = self.fee_in_base and order.side == "buy"
        raw = self.fee * (amount if in_base else amount * price)
        fee = raw.quantize(D("1e-8"), ROUND_DOWN)
        asset, held = account.held[order.id]
        spent = amount * price + (D(0) if in_base else fee) if order.side == "buy" else amount
        if spent > held:  # a market order that went beyond the best price
            account.free[asset] = account.free.get(asset, D(0)) - (spent - held)
            account.locked[asset] += spent - held
            held = spent
        account.held[order.id] = (asset, held - spent)
        account.locked[asset] -= spent
        got, asset_got = (
            (amount - (fee if in_base else D(0)), base) if order.side == "buy" else (amount * price - fee, quote)
        )
        account.free[asset_got] = account.free.get(asset_got, D(0)) + got
        order.updated = self.now()
        order.fills.append(
            Fill(next(self.numbers), price, amount, fee, base if in_base else quote, maker, order.updated)
        )
        if not order.left:
            self._end(account, order, "filled")

    def _end(self, account: Account, order: Order, status: str) -> None:
        order.status, order.updated = status, self.now()
        asset, held = account.held.pop(order.id)
        account.locked[asset] -= held
        account.free[asset] = account.free.get(asset, D(0)) + held
        if not account.locked[asset]:
            del account.locked[asset]

    def cancel(self, account: Account, order: Order) -> None:
        """End an open order, or raise RefusedError."""
        if order.status != "open":
            raise RefusedError("closed")
        self._end(account, order, "cancelled")

    def move(self, symbol: str, price: Decimal) -> None:
        """Set the price. Orders that waited for it fill at their own price, or trigger."""
        self.prices[symbol] = price
        market = self.listed[symbol]
        for account in self.accounts.values():
            for order in list(account.orders.values()):
                if order.symbol == symbol and order.status == "open":
                    self._meet(account, order, market, price)

    def _meet(self, account: Account, order: Order, market: Listed, price: Decimal) -> None:
        buys = order.side == "buy"
        if order.waiting:
            assert order.stop is not None
            rises = buys != (order.kind == "take_profit")
            if price >= order.stop if rises else price <= order.stop:
                order.waiting = False
                self._take(account, order, market)
        elif order.price is not None and (price <= order.price if buys else price >= order.price):
            self._fill(account, order, market, order.price, order.left, maker=True)
