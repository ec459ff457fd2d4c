"""How the naive model accepts an order and fills it on arrival."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from tests.support.naive_books import BASIS_POINT, OPEN, ZERO, D, Item, Memory, RefusedError, Takes, down, up
from tests.support.naive_path import NaivePath

TOO_MUCH = D("Infinity")
SELL_ONLY = {"stop_loss", "take_profit", "trailing_stop"}
NEEDS = {
    "market": set(),
    "limit": {"price"},
    "stop_loss": {"stop_price"},
    "take_profit": {"stop_price"},
    "stop_limit": {"price", "stop_price"},
    "trailing_stop": {"trail_percent"},
}


class NaiveArrivals(NaivePath):
    """An account that takes orders."""

    def walk_book(self, order: Item, amount: Decimal, snapshot: Snapshot) -> tuple[Takes, Memory]:
        """Rule 8. Return the levels that an order takes, and the new memory of that side, or raise RefusedError."""
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
                raise RefusedError("OrderRejectedError")
            tick = self.markets[order["symbol"]].tick_size
            takes.append((up(price * (1 + slippage), tick) if buying else down(price * (1 - slippage), tick), left))
            memory[price] = (shown, gone)
        return takes, memory

    def cash_for(self, side: str, symbol: str, amount: Decimal, snapshot: Snapshot) -> Decimal:
        """Return the cash that a market order costs or brings, fee included, or TOO_MUCH if its slippage is refused."""
        probe: Item = {"side": side, "symbol": symbol, "price": None, "takes": []}
        try:
            takes, _ = self.walk_book(probe, amount, snapshot)
        except RefusedError:
            return TOO_MUCH
        probe["takes"] = [(price, size, self.taker) for price, size in takes]
        fee = self.fee_due(probe)
        return self.paid(probe) + fee if side == "buy" else self.paid(probe) - fee

    def size_of(self, order: OrderRequest, snapshot: Snapshot) -> Decimal:
        """Rule 11: the largest lot that costs at most the quote amount, or the smallest that brings at least it."""
        if order.quote_amount is None:
            return order.amount or ZERO
        step, side = self.markets[order.symbol].lot_step, order.side.value

        def cash(lots: int) -> Decimal:
            return self.cash_for(side, order.symbol, lots * step, snapshot)

        if side == "buy":
            most = int(order.quote_amount / snapshot.asks[0].price / step) + 2
            return (bisect_right(range(most), order.quote_amount, lo=1, key=cash) - 1) * step
        return self.smallest_sale(order.symbol, order.quote_amount, snapshot, cash) * step

    def smallest_sale(self, symbol: str, quote: Decimal, snapshot: Snapshot, cash: Callable[[int], Decimal]) -> int:
        """Count up from the first lots that bring in enough if no price were rounded."""
        step = self.markets[symbol].lot_step
        gone = self.taken.get((symbol, "sell"), {})
        left = [
            (price, size - gone.get(price, (size, ZERO))[1] * (gone.get(price, (size, ZERO))[0] == size))
            for price, size in snapshot.bids
        ]
        worth = [(price, max(size, ZERO)) for price, size in left]
        last = snapshot.bids[-1].price
        depth = sum((size for _, size in snapshot.bids), ZERO)
        before = max(-left[-1][1], ZERO)

        def unrounded(lots: int) -> Decimal:
            amount, total = lots * step, ZERO
            for price, size in worth:
                total += price * min(size, amount)
                amount -= min(size, amount)
            share = min(self.bps * BASIS_POINT * (before + amount) / depth, D("0.05"))
            return (total + last * (1 - share) * amount) * (1 - self.taker)

        low, high = 1, 2
        while unrounded(high) < quote:
            high *= 2
        lots = bisect_left(range(high + 1), quote, lo=low, key=unrounded)
        while cash(lots) < quote:
            lots += 1
        return lots

    def place(self, name: str, order: OrderRequest, at: datetime, context: MarketContext) -> Item:
        """Accept an order as ``name``, or raise RefusedError with every error that would be right."""
        market, snapshot = self.markets[order.symbol], context.snapshot
        reasons = self.form_faults(order, market) | self.wallet_faults(order, market)
        if reasons:
            raise RefusedError(*reasons)
        amount = self.size_of(order, snapshot)
        reasons |= self.size_faults(order, market, amount, snapshot)
        if order.expires_at is not None and order.expires_at <= at:
            reasons.add("InvalidOrderError")
        reasons |= self.trigger_faults(order, snapshot) | self.exit_faults(order, context)
        item = self.new_order(name, order, amount, at, snapshot)
        if order.time_in_force.value == "DAY" and context.session_close is not None:
            item["expires_at"] = context.session_close
        takes, memory = self.taking(item, order, snapshot, reasons)
        if not context.is_open:
            takes, memory = [], {}
            impatient = self.limits is not None and self.limits.respect_market_hours
            if impatient or not self.waits(item):
                reasons.add("OrderRejectedError")
        reasons |= self.limit_faults(order, amount, snapshot, context.marks)
        reasons |= self.fund_faults(item, takes)
        if reasons:
            raise RefusedError(*reasons)
        self.accept(item, order, takes, memory, at, snapshot)
        return item

    def form_faults(self, order: OrderRequest, market: Market) -> set[str]:
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
            or any(price is not None and market.max_price is not None and price > market.max_price for price in prices)
            or (order.trail_percent is not None and not 0 < order.trail_percent <= 50)
            or (self.limits is None and any(spec == ExitSpec() for spec in exits))
        )
        return {"InvalidOrderError"} if bad else set()

    def wallet_faults(self, order: OrderRequest, market: Market) -> set[str]:
        found = self.status_faults(order.side.value)
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

    def status_faults(self, side: str) -> set[str]:
        """Suspended: no orders. Paused: none at all, or with reduce-only those that sell."""
        if self.status == "suspended":
            return {"WalletSuspendedError"}
        sells_on = side == "sell" and self.level == "reduce_only"
        return {"WalletPausedError"} if self.status == "paused" and not sells_on else set()

    def size_faults(self, order: OrderRequest, market: Market, amount: Decimal, snapshot: Snapshot) -> set[str]:
        best = snapshot.asks[0].price if order.side.value == "buy" else snapshot.bids[0].price
        price = order.price or order.stop_price or best
        too_large = (market.max_amount is not None and amount > market.max_amount) or (
            market.max_notional is not None and amount * price > market.max_notional
        )
        all_sold = order.side.value == "sell" and 0 < amount == self.held(order.symbol)
        bad = amount % market.lot_step or amount < market.min_amount or amount * price < market.min_notional
        return {"InvalidOrderError"} if too_large or (bad and not all_sold) else set()

    def trigger_faults(self, order: OrderRequest, snapshot: Snapshot) -> set[str]:
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

    def exit_faults(self, order: OrderRequest, context: MarketContext) -> set[str]:
        """Rule 13: what the entry's price, or the bid of an entry that takes, has already passed is refused."""
        bid, ask = context.snapshot.bids[0].price, context.snapshot.asks[0].price
        price = ask if order.price is None else order.price
        tick = self.markets[order.symbol].tick_size
        takes_now = context.is_open and order.type.value != "stop_limit" and price >= ask
        for kind, away, spec in (("stop_loss", -1, order.stop_loss), ("take_profit", 1, order.take_profit)):
            if spec is None:
                continue
            trigger = spec.stop_price
            if trigger is None:
                default = getattr(self.limits, f"{kind}_default_percent", ZERO)
                percent: Decimal = default if spec.percent is None else spec.percent
                trigger = max(down(price * (1 + away * percent / 100), tick), tick)
            if kind == "take_profit" and trigger <= price:
                return {"OrderRejectedError"}
            if kind == "stop_loss" and (trigger >= price or (takes_now and trigger >= bid)):
                return {"OrderRejectedError"}
        return set()

    def taking(self, item: Item, order: OrderRequest, snapshot: Snapshot, reasons: set[str]) -> tuple[Takes, Memory]:
        """Return the levels that the order takes on arrival. Add the errors that forbid it."""
        if item["type"] not in {"market", "limit"}:
            return [], {}
        buying = item["side"] == "buy"
        best = snapshot.asks[0].price if buying else snapshot.bids[0].price
        if order.post_only and (item["price"] >= best if buying else item["price"] <= best):
            reasons.add("OrderRejectedError")
        try:
            takes, memory = self.walk_book(item, item["amount"], snapshot)
        except RefusedError as refused:
            reasons |= refused.names
            return [], {}
        if order.time_in_force.value == "FOK" and sum((size for _, size in takes), ZERO) < item["amount"]:
            reasons.add("OrderRejectedError")
        return takes, memory

    def limit_faults(
        self, order: OrderRequest, amount: Decimal, snapshot: Snapshot, mids: Mapping[str, Decimal]
    ) -> set[str]:
        """Rule 15 for a buy."""
        limits = self.limits
        if limits is None or order.side.value == "sell":
            return set()
        prices = {**mids, order.symbol: (snapshot.bids[0].price + snapshot.asks[0].price) / 2}
        buys = [(item["symbol"], self.remaining(item), item) for item in self.open_orders() if item["side"] == "buy"]
        bidding = {order.symbol, *(symbol for symbol, _, _ in buys)}
        holding_exposures: dict[str, Decimal] = {}
        for symbol in self.markets:
            price, value = prices[symbol], ZERO
            if symbol == order.symbol and order.price is not None:
                price = max(price, order.price)
            for name, left, item in buys:
                if name == symbol:
                    value += left * (max(price, item["price"]) if item["type"] == "stop_limit" else price)
            value += price * (self.held(symbol) + (amount if symbol == order.symbol else ZERO))
            if value:
                holding_exposures[symbol] = value * self.usd_rate
        count = sum(
            symbol in bidding or self.held(symbol) * prices[symbol] >= self.markets[order.symbol].min_notional
            for symbol in holding_exposures
        )
        equity = self.equity(prices)
        bad = (
            holding_exposures.get(order.symbol, ZERO) > limits.max_position_size_usd
            or sum(holding_exposures.values(), ZERO) > limits.max_total_exposure_usd
            or count > limits.max_open_positions
            or self.breach(equity) is not None
        )
        return {"RiskLimitExceededError"} if bad else set()

    def fund_faults(self, item: Item, takes: Takes) -> set[str]:
        base = item["symbol"].split("/")[0]
        if item["side"] == "sell":
            return {"InsufficientBalanceError"} if item["amount"] > self.free(base) else set()
        after = {**item, "takes": [(price, size, self.taker) for price, size in takes]}
        after["charged"] = [self.fee_due(after)]
        needed = self.paid(after) + self.fee(after)
        if self.waits(item):
            needed += self.lock(after)
        return {"InsufficientBalanceError"} if needed > self.free(self.cash_asset) else set()

    def waits(self, item: Item) -> bool:
        return item["type"] != "market" and item["tif"] not in {"IOC", "FOK"}

    def new_order(self, name: str, order: OrderRequest, amount: Decimal, at: datetime, snapshot: Snapshot) -> Item:
        expires = order.expires_at
        bid, ask = snapshot.bids[0].price, snapshot.asks[0].price
        crosses = order.price is not None and (order.price >= ask if order.side.value == "buy" else order.price <= bid)
        if order.time_in_force.value == "DAY":
            expires = self.day_end
        self.turns += 1
        return {
            "id": name,
            "turn": self.turns,
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
            "post_only": order.post_only,
            "reduce_only": order.reduce_only,
            "crossed": order.type.value == "limit" and crosses,
            "takes": [],
            "charged": [],
        }

    def accept(
        self,
        item: Item,
        order: OrderRequest,
        takes: Takes,
        memory: Memory,
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
            "charged": [],
        }

    def immediate_sale(
        self, item: Item, exits: list[Item], takes: Takes, snapshot: Snapshot
    ) -> tuple[Item, Takes, Memory] | None:
        """Return the exit that triggers as soon as its entry fills on arrival, and the levels that it takes."""
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
