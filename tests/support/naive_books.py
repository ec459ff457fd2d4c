"""The figures of the naive model: cash, holdings, cost, locks and fees, always computed from all orders and fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from moniqo_core.domain.market.market import Market, PathPoint, Snapshot
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits

D = Decimal
ZERO = D(0)
HOUR = timedelta(hours=1)
OPEN = {"pending", "open", "partially_filled"}
FIAT = {"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD"}
BASIS_POINT = D("0.0001")

Item = dict[str, Any]
Takes = list[tuple[Decimal, Decimal]]
Memory = dict[Decimal, tuple[Decimal, Decimal]]


class RefusedError(Exception):
    """The names of all errors that would be right."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.names = set(names)


def up(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step


def down(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def usable(snapshot: Snapshot, now: datetime, max_age: timedelta) -> bool:
    """Rule 6: both sides there, positive, not crossed, neither old nor from the future."""
    if not snapshot.bids or not snapshot.asks:
        return False
    bid, ask = snapshot.bids[0].price, snapshot.asks[0].price
    return 0 < bid <= ask and -timedelta(seconds=1) <= now - snapshot.at <= max_age


class NaiveBooks:
    """One paper account and all the market it has seen."""

    def __init__(
        self,
        markets: Mapping[str, Market],
        cash_asset: str,
        balance: Decimal,
        maker_percent: Decimal,
        taker_percent: Decimal,
        bps: Decimal,
        symbols: tuple[str, ...] | None,
        limits: RiskLimits | None,
        at: datetime,
        usd_rate: Decimal,
    ) -> None:
        self.markets = markets
        self.usd_rate = usd_rate
        self.balance = balance
        self.cash_asset = cash_asset
        self.unit = D("0.0001") if self.cash_asset in FIAT else D("0.00000001")
        self.maker, self.taker, self.bps = maker_percent / 100, taker_percent / 100, bps
        self.symbols = symbols
        self.limits = limits
        self.status = "active"
        self.by_limit = False
        self.level: str | None = None
        self.epoch = 0
        self.all_fills: list[Item] = []
        self.clock = at
        self.paths: dict[str, list[PathPoint]] = {symbol: [] for symbol in markets}
        self.seen: dict[str, int] = dict.fromkeys(markets, 0)
        self.marks: dict[str, Decimal] = {}
        self.followed: dict[str, datetime] = {}
        self.taken: dict[tuple[str, str], Memory] = {}
        self.samples: dict[tuple[int, datetime], tuple[Decimal, Decimal, Decimal]] = {}
        self.all_orders: dict[str, Item] = {}
        self.accepted: dict[str, OrderRequest] = {}
        self.turns = 0
        self.begin(at, balance, {})

    def begin(self, at: datetime, cash: Decimal, held: Mapping[str, tuple[Decimal, Decimal]]) -> None:
        """Start with cash and holdings (amount, cost) by symbol. Nothing is open, and nothing was earned."""
        self.epoch += 1
        self.still: datetime | None = None
        self.opening = cash
        self.opening_held = dict(held)
        self.orders: dict[str, Item] = {}
        self.fills: list[Item] = []
        self._books: dict[str, list[Decimal]] | None = None
        self.peak = self.equity(self.marks)
        self.day_start = self.peak
        self.day_end = self.next_midnight(at)

    def next_midnight(self, at: datetime) -> datetime:
        zone = ZoneInfo(self.limits.timezone if self.limits else "UTC")
        date = at.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(date, time(), zone).astimezone(UTC)

    def filled(self, order: Item) -> Decimal:
        return sum((amount for _, amount, _ in order["takes"]), ZERO)

    def remaining(self, order: Item) -> Decimal:
        amount: Decimal = order["amount"]
        return amount - self.filled(order)

    def exact_quote(self, order: Item) -> Decimal:
        return sum((price * amount for price, amount, _ in order["takes"]), ZERO)

    def paid(self, order: Item) -> Decimal:
        """What the order moved in cash, without its fee: one rounding for all of it, against the trader."""
        exact = self.exact_quote(order)
        return up(exact, self.unit) if order["side"] == "buy" else down(exact, self.unit)

    def owed(self, order: Item) -> Decimal:
        return sum((rate * price * amount for price, amount, rate in order["takes"]), ZERO)

    def fee(self, order: Item) -> Decimal:
        return sum(order["charged"], ZERO)

    def fee_due(self, order: Item) -> Decimal:
        return up(self.owed(order), self.unit)

    def lock(self, order: Item) -> Decimal:
        """What an open order holds: what it sells, or what it can still cost at most."""
        if order["status"] not in OPEN:
            return ZERO
        left = self.remaining(order)
        if order["side"] == "sell":
            return left
        cost = left * order["price"]
        most = up(self.exact_quote(order) + cost, self.unit) - self.paid(order)
        return most + up(self.owed(order) + max(self.maker, self.taker) * cost, self.unit) - self.fee(order)

    def locks(self) -> dict[str, Decimal]:
        """By asset. Of two exits of one entry only one counts."""
        found: dict[str, Decimal] = {}
        groups: dict[str, Decimal] = {}
        for order in self.open_orders():
            base = order["symbol"].split("/")[0]
            if order["entry"]:
                groups[order["entry"] + base] = max(groups.get(order["entry"] + base, ZERO), self.lock(order))
                continue
            asset = self.cash_asset if order["side"] == "buy" else base
            found[asset] = found.get(asset, ZERO) + self.lock(order)
        for order in self.open_orders():
            if order["entry"]:
                base = order["symbol"].split("/")[0]
                found[base] = found.get(base, ZERO) + groups.pop(order["entry"] + base, ZERO)
        return found

    def cash(self) -> Decimal:
        return self.books()["cash"][0]

    def free(self, asset: str) -> Decimal:
        total = self.cash() if asset == self.cash_asset else self.held(f"{asset}/{self.cash_asset}")
        return total - self.locks().get(asset, ZERO)

    def held(self, symbol: str) -> Decimal:
        return self.books().get(symbol, [ZERO])[0]

    def books(self) -> dict[str, list[Decimal]]:
        """Cash, and amount, cost, realised and fees by symbol, from the first fill of the epoch on."""
        if self._books is not None:
            return self._books
        books: dict[str, list[Decimal]] = {"cash": [self.opening]}
        for symbol, (amount, cost) in self.opening_held.items():
            books[symbol] = [amount, cost, ZERO, ZERO]
        for fill in self.fills:
            book = books.setdefault(fill["symbol"], [ZERO, ZERO, ZERO, ZERO])
            amount, quote, fee = fill["amount"], fill["quote"], fill["fee"]
            if fill["side"] == "buy":
                books["cash"][0] -= quote + fee
                book[1] += quote
                book[2] -= fee
                book[0] += amount
            else:
                books["cash"][0] += quote - fee
                share = book[1] if amount == book[0] else down(book[1] * amount / book[0], self.unit)
                book[0] -= amount
                book[1] -= share
                book[2] += quote - share - fee
            book[3] += fee
        self._books = books
        return books

    def equity(self, marks: Mapping[str, Decimal]) -> Decimal:
        books = self.books()
        held = sum((book[0] * marks[symbol] for symbol, book in books.items() if symbol != "cash" and book[0]), ZERO)
        return books["cash"][0] + held

    def open_orders(self) -> list[Item]:
        return [order for order in self.orders.values() if order["status"] in OPEN]

    def tracked(self, symbol: str) -> bool:
        return bool(self.held(symbol)) or any(order["symbol"] == symbol for order in self.open_orders())

    def breach(self, equity: Decimal) -> str | None:
        limits = self.limits
        if limits is None:
            return None
        loss = self.day_start - equity
        if limits.daily_loss_limit_usd is not None and loss * self.usd_rate >= limits.daily_loss_limit_usd:
            return "daily_loss_limit_usd"
        percent = limits.daily_loss_limit_percent
        if percent is not None and loss > 0 and loss >= self.day_start * percent / 100:
            return "daily_loss_limit_percent"
        percent = limits.max_drawdown_percent
        if percent is not None and self.peak > equity and self.peak - equity >= self.peak * percent / 100:
            return "max_drawdown_percent"
        return None

    def fill(self, order: Item, takes: Iterable[tuple[Decimal, Decimal]], liquidity: str, at: datetime) -> None:
        rate = self.maker if liquidity == "maker" else self.taker
        paid, filled = self.paid(order), self.filled(order)
        order["takes"] += [(price, amount, rate) for price, amount in takes]
        quote, fee = self.paid(order) - paid, self.fee_due(order) - self.fee(order)
        # A sale's fee is at most what it brings. The rest waits for the next fill.
        order["charged"].append(fee if order["side"] == "buy" else min(fee, quote))
        done = {
            "order": order["id"],
            "symbol": order["symbol"],
            "side": order["side"],
            "amount": self.filled(order) - filled,
            "quote": quote,
            "fee": order["charged"][-1],
            "liquidity": liquidity,
            "at": at,
        }
        self.fills.append(done)
        self.all_fills.append(done)
        self._books = None
        order["status"] = "partially_filled" if self.remaining(order) else "filled"

    def end(self, order: Item, status: str) -> None:
        """End an order. Exits that have no amount yet end with their entry."""
        order["status"] = status
        for exit_order in self.exits(order):
            if not exit_order["amount"]:
                exit_order["status"] = "cancelled"

    def exits(self, entry: Item) -> list[Item]:
        return [order for order in self.open_orders() if order["entry"] == entry["id"]]

    def grow_exits(self, entry: Item, at: datetime) -> list[Item]:
        """Rule 13: the exits' amount is what the entry has filled. Exits in percent follow its average price."""
        filled = self.filled(entry)
        tick = self.markets[entry["symbol"]].tick_size
        for order in self.exits(entry):
            order["amount"] = filled
            order["status"] = "open"
            order["active"] = order["active"] or at
            if order["percent"] is not None:
                away = -order["percent"] if order["type"] == "stop_loss" else order["percent"]
                average = self.exact_quote(entry) / filled
                order["stop_price"] = max(down(average * (1 + away / 100), tick), tick)
        return self.exits(entry)

    def settle_exit(self, order: Item) -> None:
        """The first exit to fill ends the entry's rest and its sibling."""
        entry = self.orders.get(order["entry"] or "")
        if entry is None:
            return
        if entry["status"] in OPEN:
            self.end(entry, "cancelled")
        for other in self.exits(entry):
            other["amount"] -= self.filled(order)
            other["status"] = "cancelled"
