"""The paper account once more, written from the rules alone and as plainly as possible.

Nothing is kept that can be counted again: cash, holdings, cost and locks are added up from all orders and fills each
time; every point of the path is taken one by one, for every symbol. The engine is compared with this after each step.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from moniqo.domain.command import ExitSpec, Place
from moniqo.domain.market import Market, PathPoint, Snapshot
from moniqo.domain.risk import RiskLimits

D = Decimal
ZERO = D(0)
HOUR = timedelta(hours=1)
OPEN = {"pending", "open", "partially_filled"}
FIAT = {"USD", "EUR", "GBP", "CHF", "JPY", "CAD", "AUD"}
TOO_MUCH = D("Infinity")
BASIS_POINT = D("0.0001")
SELL_ONLY = {"stop_loss", "take_profit", "trailing_stop"}
NEEDS = {
    "market": set(),
    "limit": {"price"},
    "stop_loss": {"stop_price"},
    "take_profit": {"stop_price"},
    "stop_limit": {"price", "stop_price"},
    "trailing_stop": {"trail_percent"},
}

Item = dict[str, Any]


class Refused(Exception):
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


class NaiveExchange:
    """One paper account and all the market it has seen."""

    def __init__(
        self,
        markets: Mapping[str, Market],
        balance: Decimal,
        maker_percent: Decimal,
        taker_percent: Decimal,
        bps: Decimal,
        symbols: tuple[str, ...] | None,
        limits: RiskLimits | None,
        at: datetime,
    ) -> None:
        self.markets = markets
        self.balance = balance
        self.cash_asset = "USDT"
        self.unit = D("0.0001") if self.cash_asset in FIAT else D("0.00000001")
        self.maker, self.taker, self.bps = maker_percent / 100, taker_percent / 100, bps
        self.symbols = symbols
        self.limits = limits
        self.status = "active"
        self.by_limit = False
        self.epoch = 0
        self.all_fills: list[Item] = []
        self.clock = at
        self.paths: dict[str, list[PathPoint]] = {symbol: [] for symbol in markets}
        self.seen: dict[str, int] = dict.fromkeys(markets, 0)
        self.marks: dict[str, Decimal] = {}
        self.followed: dict[str, datetime] = {}
        self.taken: dict[tuple[str, str], dict[Decimal, tuple[Decimal, Decimal]]] = {}
        self.samples: dict[tuple[int, datetime], tuple[Decimal, Decimal, Decimal]] = {}
        self.all_orders: dict[str, Item] = {}
        self.accepted: dict[str, tuple[str, Place]] = {}
        self.begin(at, balance, {})

    # ---- an epoch and what is counted from its orders

    def begin(self, at: datetime, cash: Decimal, held: Mapping[str, tuple[Decimal, Decimal]]) -> None:
        """Start with cash and holdings (amount, cost) by symbol; nothing is open, nothing was earned."""
        self.epoch += 1
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
        return order["amount"] - self.filled(order)

    def exact_quote(self, order: Item) -> Decimal:
        return sum((price * amount for price, amount, _ in order["takes"]), ZERO)

    def paid(self, order: Item) -> Decimal:
        """What the order moved in cash, without its fee: one rounding for all of it, against the trader."""
        exact = self.exact_quote(order)
        return up(exact, self.unit) if order["side"] == "buy" else down(exact, self.unit)

    def owed(self, order: Item) -> Decimal:
        return sum((rate * price * amount for price, amount, rate in order["takes"]), ZERO)

    def fee(self, order: Item) -> Decimal:
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
        """By asset; of two exits of one entry only one counts."""
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
        if asset == self.cash_asset:
            total = self.cash()
        else:
            total = self.held(f"{asset}/{self.cash_asset}")
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

    # ---- filling and ending orders

    def fill(self, order: Item, takes: Iterable[tuple[Decimal, Decimal]], liquidity: str, at: datetime) -> None:
        rate = self.maker if liquidity == "maker" else self.taker
        paid, fee, filled = self.paid(order), self.fee(order), self.filled(order)
        order["takes"] += [(price, amount, rate) for price, amount in takes]
        done = {
                "order": order["id"],
                "symbol": order["symbol"],
                "side": order["side"],
                "amount": self.filled(order) - filled,
                "quote": self.paid(order) - paid,
                "fee": self.fee(order) - fee,
                "liquidity": liquidity,
                "at": at,
            }
        self.fills.append(done)
        self.all_fills.append(done)
        self._books = None
        order["status"] = "partially_filled" if self.remaining(order) else "filled"

    def end(self, order: Item, status: str) -> None:
        """End an order; exits still without an amount end with their entry."""
        order["status"] = status
        for exit_order in self.exits(order):
            if not exit_order["amount"]:
                exit_order["status"] = "cancelled"

    def exits(self, entry: Item) -> list[Item]:
        return [order for order in self.open_orders() if order["entry"] == entry["id"]]

    def grow_exits(self, entry: Item, at: datetime) -> list[Item]:
        """Rule 13: the exits' amount is what the entry has filled; those in percent follow its average."""
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

    # ---- the path

    def see(self, symbol: str, point: PathPoint) -> None:
        """Another point of the path came to be."""
        self.paths[symbol].append(point)

    def look(self, now: datetime) -> None:
        """Take everything that happened up to now: points, ends of orders, midnights, hours."""
        while True:
            ends = [path[self.seen[symbol]].end for symbol, path in self.paths.items() if len(path) > self.seen[symbol]]
            expiries = [order["expires_at"] for order in self.open_orders() if order["expires_at"]]
            hour = self.clock.replace(minute=0, second=0, microsecond=0) + HOUR
            instant = min([*ends, *expiries, self.day_end, hour])
            if instant > now:
                break
            self.take_points(instant)
            for order in self.open_orders():
                if order["expires_at"] and order["expires_at"] <= instant:
                    self.end(order, "expired")
            if instant >= self.day_end:
                self.day_start = self.equity(self.marks)
                self.day_end = self.next_midnight(instant)
            self.clock = max(self.clock, instant)
            if instant == hour and any(self.tracked(symbol) for symbol in self.markets):
                self.samples[self.epoch, instant] = self.sample()
        self.clock = max(self.clock, now)

    def sample(self) -> tuple[Decimal, Decimal, Decimal]:
        books = {symbol: book for symbol, book in self.books().items() if symbol != "cash"}
        gain = sum((book[0] * self.marks[symbol] - book[1] for symbol, book in books.items() if book[0]), ZERO)
        return self.equity(self.marks), sum((book[2] for book in books.values()), ZERO), gain

    def take_points(self, instant: datetime) -> None:
        """All points that end at one instant, by symbol; then the losses."""
        any_seen = False
        for symbol in sorted(self.paths):
            path = self.paths[symbol]
            while len(path) > self.seen[symbol] and path[self.seen[symbol]].end == instant:
                point = path[self.seen[symbol]]
                self.seen[symbol] += 1
                if self.tracked(symbol) and point.start >= self.followed[symbol]:
                    any_seen = True
                    if 0 <= point.half_spread < point.price:
                        self.meet(symbol, point)
                        self.marks[symbol] = point.price
        if any_seen:
            self.watch()

    def meet(self, symbol: str, point: PathPoint) -> None:
        """Rules 9 and 10: every open order of the symbol, oldest first."""
        left = point.volume / 10
        bid, ask = point.price - point.half_spread, point.price + point.half_spread
        market = self.markets[symbol]
        for order in list(self.orders.values()):
            if order["symbol"] != symbol or order["status"] not in OPEN - {"pending"} or order["active"] > point.start:
                continue
            if order["expires_at"] and point.end > order["expires_at"]:
                continue
            buying = order["side"] == "buy"
            if order["type"] == "limit" or order["triggered"]:
                beyond = point.price <= order["price"] - market.tick_size
                if not buying:
                    beyond = point.price >= order["price"] + market.tick_size
                if beyond:
                    left -= self.fill_on_path(order, order["price"], "maker", left, point)
            elif order["type"] == "stop_limit":
                if ask >= order["stop_price"] if buying else bid <= order["stop_price"]:
                    order["triggered"] = True
                    price = up(ask, market.tick_size) if buying else down(bid, market.tick_size)
                    if price <= order["price"] if buying else price >= order["price"]:
                        left -= self.fill_on_path(order, price, "taker", left, point)
            elif order["type"] == "trailing_stop":
                trigger = down(order["trail_mark"] * (1 - order["trail_percent"] / 100), market.tick_size)
                if bid <= trigger:
                    self.sell_on_path(order, trigger, point)
                order["trail_mark"] = max(order["trail_mark"], bid)
            elif self.passed(order, bid):
                self.sell_on_path(order, order["stop_price"], point)

    def passed(self, order: Item, bid: Decimal) -> bool:
        return bid <= order["stop_price"] if order["type"] == "stop_loss" else bid >= order["stop_price"]

    def fill_on_path(
        self, order: Item, price: Decimal, liquidity: str, left: Decimal, point: PathPoint
    ) -> Decimal:
        remaining = self.remaining(order)
        size = remaining if remaining <= left else down(left, self.markets[order["symbol"]].lot_step)
        if size <= 0:
            return ZERO
        self.fill(order, [(price, size)], liquidity, point.end)
        if order["side"] == "buy":
            for exit_order in self.grow_exits(order, point.end):
                if exit_order["status"] in OPEN and self.passed(exit_order, point.price - point.half_spread):
                    self.sell_on_path(exit_order, exit_order["stop_price"], point)
        return size

    def sell_on_path(self, order: Item, trigger: Decimal, point: PathPoint) -> None:
        """At the worse of trigger and bid, then worse by the slippage, as taker."""
        amount, tick = self.remaining(order), self.markets[order["symbol"]].tick_size
        times = max(D(1), amount / point.volume) if point.volume else D(1)
        slippage = min(self.bps * BASIS_POINT * times, D("0.05"))
        price = min(trigger, point.price - point.half_spread) * (1 - slippage)
        self.fill(order, [(max(down(price, tick), tick), amount)], "taker", point.end)
        self.settle_exit(order)

    def watch(self) -> None:
        """Rule 15: the peak, and the losses that pause a wallet and end its buys."""
        equity = self.equity(self.marks)
        self.peak = max(self.peak, equity)
        if self.breach(equity) is None:
            return
        for order in self.open_orders():
            if order["side"] == "buy" and order["status"] in OPEN:
                self.end(order, "cancelled")
        if self.status == "active":
            self.status, self.by_limit = "paused", True

    def breach(self, equity: Decimal) -> str | None:
        limits = self.limits
        if limits is None:
            return None
        loss = self.day_start - equity
        if limits.daily_loss_limit_usd is not None and loss >= limits.daily_loss_limit_usd:
            return "daily_loss_limit_usd"
        percent = limits.daily_loss_limit_percent
        if percent is not None and loss > 0 and loss >= self.day_start * percent / 100:
            return "daily_loss_limit_percent"
        percent = limits.max_drawdown_percent
        if percent is not None and self.peak > equity and self.peak - equity >= self.peak * percent / 100:
            return "max_drawdown_percent"
        return None

    # ---- taking from the shown book

    def walk_book(
        self, order: Item, amount: Decimal, snapshot: Snapshot
    ) -> tuple[list[tuple[Decimal, Decimal]], dict[Decimal, tuple[Decimal, Decimal]]]:
        """Rule 8. What an order takes now, and the new memory of that side; Refused when it is too large."""
        buying = order["side"] == "buy"
        levels = snapshot.asks if buying else snapshot.bids
        before = self.taken.get((order["symbol"], order["side"]), {})
        memory = {price: shown_gone for price, shown_gone in before.items() if (price, shown_gone[0]) in levels}
        takes = []
        left = amount
        for price, shown in levels:
            limit = order["price"]
            if limit is not None and (price > limit if buying else price < limit):
                break
            gone = memory.get(price, (shown, ZERO))[1]
            size = min(left, max(shown - gone, ZERO))
            if size:
                takes.append((price, size))
                memory[price] = (shown, gone + size)
                left -= size
        if left and order["price"] is None:
            price, shown = levels[-1]
            depth = sum((size for _, size in levels), ZERO)
            gone = max(memory.get(price, (shown, ZERO))[1], shown) + left
            slippage = self.bps * BASIS_POINT * (gone - shown) / depth
            if slippage > D("0.05"):
                raise Refused("OrderRejectedError")
            tick = self.markets[order["symbol"]].tick_size
            takes.append((up(price * (1 + slippage), tick) if buying else down(price * (1 - slippage), tick), left))
            memory[price] = (shown, gone)
        return takes, memory

    def cash_for(self, side: str, symbol: str, amount: Decimal, snapshot: Snapshot) -> Decimal:
        """Cash a market order of this size would cost or bring, fee included."""
        probe = {"side": side, "symbol": symbol, "price": None, "takes": []}
        try:
            takes, _ = self.walk_book(probe, amount, snapshot)
        except Refused:
            return TOO_MUCH
        probe["takes"] = [(price, size, self.taker) for price, size in takes]
        return self.paid(probe) + self.fee(probe) if side == "buy" else self.paid(probe) - self.fee(probe)

    def size_of(self, order: Place, snapshot: Snapshot) -> Decimal:
        """Rule 11: the largest lot that costs at most the quote amount, or the smallest that brings at least it."""
        if order.quote_amount is None:
            return order.amount or ZERO
        step, side = self.markets[order.symbol].lot_step, order.side.value

        def cash(lots: int) -> Decimal:
            return self.cash_for(side, order.symbol, lots * step, snapshot)

        if side == "buy":
            most = int(order.quote_amount / snapshot.asks[0].price / step) + 2
            return (bisect_right(range(most), order.quote_amount, lo=1, key=cash) - 1) * step
        most = 2
        while cash(most) < order.quote_amount:
            most *= 2
        return bisect_left(range(most + 1), order.quote_amount, lo=1, key=cash) * step

    # ---- commands

    def place(self, name: str, order: Place, at: datetime, snapshot: Snapshot, mids: Mapping[str, Decimal]) -> Item:
        """Accept an order as ``name``, or raise Refused with every error that would be right."""
        market = self.markets[order.symbol]
        reasons = self.form_faults(order, market) | self.wallet_faults(order, market)
        if reasons:
            raise Refused(*reasons)
        amount = self.size_of(order, snapshot)
        reasons |= self.size_faults(order, market, amount, snapshot)
        if order.expires_at is not None and order.expires_at <= at:
            reasons.add("InvalidOrderError")
        reasons |= self.trigger_faults(order, snapshot)
        item = self.new_order(name, order, amount, at, snapshot)
        takes, memory = self.taking(item, order, snapshot, reasons)
        reasons |= self.limit_faults(order, amount, snapshot, mids)
        reasons |= self.fund_faults(item, takes)
        if reasons:
            raise Refused(*reasons)
        self.accept(item, order, takes, memory, at, snapshot)
        return item

    def form_faults(self, order: Place, market: Market) -> set[str]:
        kind, side, tif = order.type.value, order.side.value, order.time_in_force.value
        given = {name for name in ("price", "stop_price", "trail_percent") if getattr(order, name) is not None}
        exits = [spec for spec in (order.stop_loss, order.take_profit) if spec is not None]
        prices = [order.price, order.stop_price, *(spec.stop_price for spec in exits)]
        bad = (
            given != NEEDS[kind]
            or (order.amount is None) == (order.quote_amount is None)
            or (order.quote_amount is not None and kind != "market")
            or (side == "buy" and (kind in SELL_ONLY or order.reduce_only))
            or (tif in {"IOC", "FOK"} and kind not in {"market", "limit"})
            or (order.post_only and (kind != "limit" or tif in {"IOC", "FOK"}))
            or (order.expires_at is not None) != (tif == "GTD")
            or (side == "sell" and bool(exits))
            or any(spec.stop_price is not None and spec.percent is not None for spec in exits)
            or any(price is not None and (price <= 0 or price % market.tick_size) for price in prices)
            or (order.trail_percent is not None and not 0 < order.trail_percent <= 50)
            or (self.limits is None and any(spec == ExitSpec() for spec in exits))
        )
        return {"InvalidOrderError"} if bad else set()

    def wallet_faults(self, order: Place, market: Market) -> set[str]:
        found = set()
        if self.status != "active":
            found.add("WalletPausedError" if self.status == "paused" else "WalletSuspendedError")
        if market.quote != self.cash_asset or (self.symbols is not None and order.symbol not in self.symbols):
            found.add("InvalidSymbolError")
        limits = self.limits
        if limits is not None and (
            order.symbol in limits.blocked_symbols
            or (limits.allowed_symbols is not None and order.symbol not in limits.allowed_symbols)
        ):
            found.add("RiskLimitExceededError")
        exits = (order.stop_loss is not None) + (order.take_profit is not None)
        at_once = order.type.value == "market" or order.time_in_force.value in {"IOC", "FOK"}
        opening = exits + (not at_once)
        if opening and len(self.open_orders()) + opening > 500:
            found.add("RateLimitExceededError")
        return found

    def size_faults(self, order: Place, market: Market, amount: Decimal, snapshot: Snapshot) -> set[str]:
        if order.side.value == "sell" and 0 < amount == self.held(order.symbol):
            return set()
        best = snapshot.asks[0].price if order.side.value == "buy" else snapshot.bids[0].price
        price = order.price or order.stop_price or best
        bad = amount % market.lot_step or amount < market.min_amount or amount * price < market.min_notional
        return {"InvalidOrderError"} if bad else set()

    def trigger_faults(self, order: Place, snapshot: Snapshot) -> set[str]:
        if order.reduce_only and not self.held(order.symbol):
            return {"OrderRejectedError"}
        if order.stop_price is None:
            return set()
        if order.side.value == "buy":
            gone = snapshot.asks[0].price >= order.stop_price
        elif order.type.value == "take_profit":
            gone = snapshot.bids[0].price >= order.stop_price
        else:
            gone = snapshot.bids[0].price <= order.stop_price
        return {"OrderRejectedError"} if gone else set()

    def taking(
        self, item: Item, order: Place, snapshot: Snapshot, reasons: set[str]
    ) -> tuple[list[tuple[Decimal, Decimal]], dict[Decimal, tuple[Decimal, Decimal]]]:
        """What the order takes on arrival; adds why it must not."""
        if item["type"] not in {"market", "limit"}:
            return [], {}
        buying = item["side"] == "buy"
        best = snapshot.asks[0].price if buying else snapshot.bids[0].price
        if order.post_only and (item["price"] >= best if buying else item["price"] <= best):
            reasons.add("OrderRejectedError")
        try:
            takes, memory = self.walk_book(item, item["amount"], snapshot)
        except Refused as refused:
            reasons |= refused.names
            return [], {}
        if order.time_in_force.value == "FOK" and sum((size for _, size in takes), ZERO) < item["amount"]:
            reasons.add("OrderRejectedError")
        return takes, memory

    def limit_faults(
        self, order: Place, amount: Decimal, snapshot: Snapshot, mids: Mapping[str, Decimal]
    ) -> set[str]:
        """Rule 15 for a buy."""
        limits = self.limits
        if limits is None or order.side.value == "sell":
            return set()
        prices = {**mids, order.symbol: (snapshot.bids[0].price + snapshot.asks[0].price) / 2}
        buys = [(item["symbol"], self.remaining(item)) for item in self.open_orders() if item["side"] == "buy"]
        buys.append((order.symbol, amount))
        bidding = {symbol for symbol, _ in buys}
        stakes: dict[str, Decimal] = {}
        for symbol in self.markets:
            size = self.held(symbol) + sum((left for name, left in buys if name == symbol), ZERO)
            price = prices[symbol]
            if symbol == order.symbol and order.price is not None:
                price = max(price, order.price)
            if size:
                stakes[symbol] = size * price
        count = sum(
            symbol in bidding or self.held(symbol) * prices[symbol] >= self.markets[order.symbol].min_notional
            for symbol in stakes
        )
        equity = self.equity(prices)
        bad = (
            stakes.get(order.symbol, ZERO) > limits.max_position_size_usd
            or sum(stakes.values(), ZERO) > limits.max_total_exposure_usd
            or count > limits.max_open_positions
            or self.breach(equity) is not None
        )
        return {"RiskLimitExceededError"} if bad else set()

    def fund_faults(self, item: Item, takes: list[tuple[Decimal, Decimal]]) -> set[str]:
        base = item["symbol"].split("/")[0]
        if item["side"] == "sell":
            return {"InsufficientBalanceError"} if item["amount"] > self.free(base) else set()
        after = {**item, "takes": [(price, size, self.taker) for price, size in takes]}
        needed = self.paid(after) + self.fee(after)
        if self.waits(item):
            needed += self.lock(after)
        return {"InsufficientBalanceError"} if needed > self.free(self.cash_asset) else set()

    def waits(self, item: Item) -> bool:
        return item["type"] != "market" and item["tif"] not in {"IOC", "FOK"}

    def new_order(self, name: str, order: Place, amount: Decimal, at: datetime, snapshot: Snapshot) -> Item:
        expires = order.expires_at
        if order.time_in_force.value == "DAY":
            expires = self.next_midnight(at)
        return {
            "id": name,
            "symbol": order.symbol,
            "side": order.side.value,
            "type": order.type.value,
            "status": "open",
            "amount": amount,
            "price": order.price,
            "stop_price": order.stop_price,
            "trail_percent": order.trail_percent,
            "trail_mark": snapshot.bids[0].price if order.trail_percent else None,
            "tif": order.time_in_force.value,
            "expires_at": expires,
            "active": at,
            "entry": None,
            "percent": None,
            "triggered": False,
            "takes": [],
        }

    def accept(
        self,
        item: Item,
        order: Place,
        takes: list[tuple[Decimal, Decimal]],
        memory: dict[Decimal, tuple[Decimal, Decimal]],
        at: datetime,
        snapshot: Snapshot,
    ) -> None:
        symbol = item["symbol"]
        pairs = (("stop_loss", order.stop_loss, 2), ("take_profit", order.take_profit, 3))
        exits = [self.new_exit(item, kind, spec, number) for kind, spec, number in pairs if spec is not None]
        immediate = self.immediate_sale(item, exits, takes, snapshot)
        if not self.tracked(symbol):
            self.followed[symbol] = at
        for entry in (item, *exits):
            self.orders[entry["id"]] = self.all_orders[entry["id"]] = entry
        if takes:
            self.fill(item, takes, "taker", at)
            self.taken[symbol, item["side"]] = memory
            self.marks[symbol] = (snapshot.bids[0].price + snapshot.asks[0].price) / 2
        if takes and item["side"] == "buy":
            self.grow_exits(item, at)
        if item["status"] in OPEN and not self.waits(item):
            self.end(item, "cancelled")
        if immediate is not None:
            exit_order, sale, sale_memory = immediate
            self.fill(exit_order, sale, "taker", at)
            self.taken[symbol, "sell"] = sale_memory
            self.settle_exit(exit_order)
        if takes:
            self.peak = max(self.peak, self.equity(self.marks))

    def new_exit(self, entry: Item, kind: str, spec: ExitSpec, number: int) -> Item:
        percent = spec.percent
        if spec.stop_price is None and percent is None and self.limits is not None:
            percent = getattr(self.limits, f"{kind}_default_percent")
        return {
            **entry,
            "id": f"{entry['id'][:-1]}{number}",
            "side": "sell",
            "type": kind,
            "status": "pending",
            "amount": ZERO,
            "price": None,
            "stop_price": spec.stop_price,
            "trail_percent": None,
            "trail_mark": None,
            "tif": "GTC",
            "expires_at": None,
            "active": None,
            "entry": entry["id"],
            "percent": percent if spec.stop_price is None else None,
            "takes": [],
        }

    def immediate_sale(
        self, item: Item, exits: list[Item], takes: list[tuple[Decimal, Decimal]], snapshot: Snapshot
    ) -> tuple[Item, list[tuple[Decimal, Decimal]], dict[Decimal, tuple[Decimal, Decimal]]] | None:
        """The exit whose trigger is passed already when its entry fills on arrival, and what it takes of the book."""
        amount = sum((size for _, size in takes), ZERO)
        if not amount:
            return None
        average = sum((price * size for price, size in takes), ZERO) / amount
        tick = self.markets[item["symbol"]].tick_size
        for order in exits:
            stop = order["stop_price"]
            if stop is None:
                away = -order["percent"] if order["type"] == "stop_loss" else order["percent"]
                stop = max(down(average * (1 + away / 100), tick), tick)
            if self.passed({**order, "stop_price": stop}, snapshot.bids[0].price):
                return order, *self.walk_book({**order, "price": None}, amount, snapshot)
        return None

    def close_position(self, name: str, symbol: str, at: datetime, snapshot: Snapshot) -> None:
        """Sell all of a symbol at market; its other sells are cancelled if that works."""
        if self.status != "active":
            raise Refused("WalletPausedError" if self.status == "paused" else "WalletSuspendedError")
        if not self.held(symbol):
            raise Refused("OrderRejectedError")
        before = {order["id"]: order["status"] for order in self.open_orders()}
        for order in self.open_orders():
            if order["symbol"] == symbol and order["side"] == "sell":
                order["status"] = "cancelled"
        try:
            self.place(name, _market_sale(symbol, self.held(symbol)), at, snapshot, {})
        except Refused:
            for order_id, status in before.items():
                self.orders[order_id]["status"] = status
            raise

    def cancel(self, order_id: str) -> None:
        order = self.orders.get(order_id)
        if order is None or order["status"] not in OPEN:
            raise Refused("OrderNotFoundError")
        self.end(order, "cancelled")

    def cancel_all(self, symbol: str | None) -> None:
        for order in self.open_orders():
            if symbol in {None, order["symbol"]} and order["status"] in OPEN:
                self.end(order, "cancelled")

    def set_status(self, status: str, by: str) -> None:
        if self.status == "suspended" and by != "admin":
            raise Refused("WalletSuspendedError")
        reinstating = status == "active" and by == "admin"
        if self.status == status or (reinstating and self.status != "suspended"):
            raise Refused("ConflictError")
        if status == "active" and self.breach(self.equity(self.marks)) is not None:
            raise Refused("ConflictError")
        self.status, self.by_limit = status, False

    def set_limits(self, limits: RiskLimits) -> None:
        self.limits = replace(limits)

    def reset(self, at: datetime) -> None:
        for order in self.open_orders():
            if order["status"] in OPEN:
                self.end(order, "cancelled")
        if self.by_limit and self.status == "paused":
            self.status = "active"
        self.by_limit = False
        self.begin(at, self.balance, {})

    def fork(self, at: datetime, mids: Mapping[str, Decimal]) -> None:
        """Go on as a copy: the same balances and cost, no orders, everything counted from now."""
        held = {name: (book[0], book[1]) for name, book in self.books().items() if name != "cash" and book[0]}
        self.status, self.by_limit, self.epoch = "active", False, 0
        self.all_orders, self.all_fills, self.samples = {}, [], {}
        self.marks = dict(mids)
        self.followed = dict.fromkeys(held, at)
        self.begin(at, self.cash(), held)


def _market_sale(symbol: str, amount: Decimal) -> Place:
    from moniqo.domain.order import OrderSide, OrderType

    return Place(symbol, OrderSide.SELL, OrderType.MARKET, amount)
