"""How the naive model follows the price path: every point of every symbol, one by one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from moniqo_core.domain.market.market import PathPoint
from tests.support.naive_books import BASIS_POINT, HOUR, OPEN, ZERO, D, Item, NaiveBooks, down, up


class NaivePath(NaiveBooks):
    """An account whose orders wait for the path."""

    def see(self, symbol: str, point: PathPoint) -> None:
        """Add a point to the path."""
        self.paths[symbol].append(point)

    def look(self, now: datetime) -> None:
        """Process all events up to now: points, ends of orders, midnights and hours."""
        self.note_stillness(self.clock)
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
            self.note_stillness(instant)
            if instant == hour and (self.still is None or instant in self.hours_that_tell(self.still)):
                self.samples[self.epoch, instant] = self.sample()
        self.clock = max(self.clock, now)

    def note_stillness(self, at: datetime) -> None:
        """Remember since when nothing was held or open. A full hour that begins so reports it at once."""
        if any(self.tracked(symbol) for symbol in self.markets):
            self.still = None
        elif self.still is None:
            self.still = at
            if at in self.hours_that_tell(at):
                self.samples.setdefault((self.epoch, at), self.sample())

    def hours_that_tell(self, still: datetime) -> set[datetime]:
        """The first full hour and the first midnight of UTC: what stands still needs no more to be known."""
        hours = (still.replace(minute=0, second=0, microsecond=0) + HOUR * number for number in range(26))
        later = [hour for hour in hours if hour >= still]
        return {later[0], next(hour for hour in later if hour.hour == 0)}

    def sample(self) -> tuple[Decimal, Decimal, Decimal]:
        books = {symbol: book for symbol, book in self.books().items() if symbol != "cash"}
        gain = sum((book[0] * self.marks[symbol] - book[1] for symbol, book in books.items() if book[0]), ZERO)
        return self.equity(self.marks), sum((book[2] for book in books.values()), ZERO), gain

    def take_points(self, instant: datetime) -> None:
        """All points that end at one instant, by symbol. Losses are tested between its candle points and at the end."""
        any_seen = False
        for symbol in sorted(self.paths):
            path = self.paths[symbol]
            further = False
            while len(path) > self.seen[symbol] and path[self.seen[symbol]].end == instant:
                point = path[self.seen[symbol]]
                self.seen[symbol] += 1
                if self.tracked(symbol) and point.start >= self.followed[symbol]:
                    if further:
                        self.watch()
                    any_seen = further = True
                    if 0 <= point.half_spread < point.price:
                        self.meet(symbol, point)
                        self.marks[symbol] = point.price
        if any_seen:
            self.watch()

    def meet(self, symbol: str, point: PathPoint) -> None:
        """Rules 9 and 10: every open order of the symbol, oldest first. Resting orders share a tenth of the volume."""
        left = point.volume / 10
        for order in sorted(self.orders.values(), key=itemgetter("turn")):
            if order["symbol"] != symbol or order["status"] not in OPEN - {"pending"} or order["active"] > point.start:
                continue
            if order["type"] == "limit" or order["triggered"]:
                left -= self.meet_limit(order, left, point)
            elif order["type"] == "stop_limit":
                left -= self.meet_stop_limit(order, left, point)
            elif order["type"] == "trailing_stop":
                self.meet_trailing(order, point)
            elif self.passed(order, point.price - point.half_spread):
                self.sell_on_path(order, order["stop_price"], point)

    def meet_limit(self, order: Item, left: Decimal, point: PathPoint) -> Decimal:
        tick = self.markets[order["symbol"]].tick_size
        if order["crossed"] and len(order["takes"]) == order.get("takes_when_replaced", 0):
            return self.take_on_path(order, left, point)
        beyond = order["price"] - point.price if order["side"] == "buy" else point.price - order["price"]
        return self.fill_on_path(order, order["price"], "maker", left, point) if beyond >= tick else ZERO

    def meet_stop_limit(self, order: Item, left: Decimal, point: PathPoint) -> Decimal:
        """Trigger on the bid (sell) or ask (buy). The amount that the limit does not allow to take then rests."""
        bid, ask = point.price - point.half_spread, point.price + point.half_spread
        if ask < order["stop_price"] if order["side"] == "buy" else bid > order["stop_price"]:
            return ZERO
        order["triggered"] = True
        return self.take_on_path(order, left, point)

    def take_on_path(self, order: Item, left: Decimal, point: PathPoint) -> Decimal:
        """Take at the point's bid or ask what the limit allows."""
        tick = self.markets[order["symbol"]].tick_size
        if order["side"] == "buy":
            price = up(point.price + point.half_spread, tick)
            allowed = price <= order["price"]
        else:
            price = down(point.price - point.half_spread, tick)
            allowed = price >= order["price"]
        return self.fill_on_path(order, price, "taker", left, point) if allowed else ZERO

    def meet_trailing(self, order: Item, point: PathPoint) -> None:
        """The trigger is tested before the mark moves."""
        bid = point.price - point.half_spread
        share = 1 - order["trail_percent"] / 100
        trigger = down(order["trail_mark"] * share, self.markets[order["symbol"]].tick_size)
        if bid <= trigger:
            self.sell_on_path(order, trigger, point)
        order["trail_mark"] = max(order["trail_mark"], bid)

    def passed(self, order: Item, bid: Decimal) -> bool:
        stop: Decimal = order["stop_price"]
        return bid <= stop if order["type"] == "stop_loss" else bid >= stop

    def fill_on_path(self, order: Item, price: Decimal, liquidity: str, left: Decimal, point: PathPoint) -> Decimal:
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
        if self.bps and not point.volume:
            slippage = D("0.05")
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
            self.status, self.by_limit, self.level = "paused", True, "reduce_only"
