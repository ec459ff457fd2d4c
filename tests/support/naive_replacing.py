"""How the naive model replaces an open order: as if it were gone, and its rest were placed now."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Snapshot
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest, ReplaceOrder
from tests.support.naive_arrivals import NEEDS, NaiveArrivals
from tests.support.naive_books import OPEN, ZERO, Item, Memory, RefusedError, Takes, down

NOTHING = "NothingToReplaceError"


class NaiveReplacing(NaiveArrivals):
    """An account whose open orders can be replaced."""

    def replace(self, command: ReplaceOrder, at: datetime, context: MarketContext) -> None:
        """Replace an order, or raise RefusedError with every error that would be right."""
        order = self.orders.get(command.order_id)
        if order is None or order["status"] not in OPEN:
            raise RefusedError("OrderNotFoundError")
        fields = ("amount", "price", "stop_price", "trail_percent")
        wanted = {name: getattr(command, name) for name in fields if getattr(command, name) is not None}
        changed = {name: value for name, value in wanted.items() if order[name] != value}
        if not changed and order.get("replaced"):
            raise RefusedError(NOTHING)
        if command.if_filled_amount not in {None, self.filled(order)}:
            raise RefusedError("OrderChangedError")
        if not changed:
            raise RefusedError(NOTHING)
        raised = order["side"] == "buy" and (
            changed.get("amount", ZERO) > order["amount"]
            or ("price" in changed and order["price"] is not None and changed["price"] > order["price"])
            or (
                ("stop_price" in changed and order["stop_price"] is not None)
                and changed["stop_price"] < order["stop_price"]
            )
        )
        if self.status == "suspended":
            raise RefusedError("WalletSuspendedError")
        if self.status == "paused" and (raised or self.level == "full"):
            raise RefusedError("WalletPausedError")
        if order["entry"]:
            self._move_exit(order, wanted, at, context)
        else:
            self._replace(order, wanted, changed, at, context, raised=raised)

    def _move_exit(self, order: Item, wanted: dict[str, Decimal], at: datetime, context: MarketContext) -> None:
        snapshot = context.snapshot
        stop = wanted.get("stop_price", ZERO)
        if wanted.keys() != {"stop_price"} or self._off_tick(order["symbol"], stop):
            raise RefusedError("InvalidOrderError")
        if order["status"] == "pending":
            entry = self.orders[order["entry"]]
            spec = {order["type"]: ExitSpec(stop_price=stop)}
            if self.exit_faults(self._asked(entry, self.remaining(entry), spec), context):
                raise RefusedError("OrderRejectedError")
        else:
            if self.passed({**order, "stop_price": stop}, snapshot.bids[0].price):
                raise RefusedError("OrderRejectedError")
            order["active"] = at
        order |= {"stop_price": stop, "percent": None}
        self._rejuvenate(order)

    def _off_tick(self, symbol: str, price: Decimal) -> bool:
        market = self.markets[symbol]
        too_high = market.max_price is not None and price > market.max_price
        return price <= 0 or bool(price % market.tick_size) or too_high

    def _rejuvenate(self, order: Item) -> None:
        self.turns += 1
        order |= {"turn": self.turns, "replaced": True}

    def _replace(
        self,
        order: Item,
        wanted: dict[str, Decimal],
        changed: dict[str, Decimal],
        at: datetime,
        context: MarketContext,
        *,
        raised: bool,
    ) -> None:
        new = {**order, **wanted}
        rest = new["amount"] - self.filled(order)
        self._check_form(order, new, wanted, changed)
        reasons = self._size_faults(order, new, rest, context.snapshot)
        if changed.keys() == {"amount"} and new["amount"] < order["amount"]:
            if reasons:
                raise RefusedError(*reasons)
            order |= {**wanted, "replaced": True}
            return
        takes, memory = self._decided(order, new, rest, context, reasons, raised=raised)
        immediate = self._immediate(order, takes, context.snapshot)
        order |= {**wanted, "active": at}
        self._rejuvenate(order)
        bid, ask = context.snapshot.bids[0].price, context.snapshot.asks[0].price
        if order["type"] == "limit" or order["triggered"]:
            order["takes_when_replaced"] = len(order["takes"])
            order["crossed"] = order["price"] >= ask if order["side"] == "buy" else order["price"] <= bid
        if takes:
            self.fill(order, takes, "taker", at)
            self.taken[order["symbol"], order["side"]] = memory
            self._settle(order, at, context.snapshot, immediate)

    def _check_form(self, order: Item, new: Item, wanted: dict[str, Decimal], changed: dict[str, Decimal]) -> None:
        triggered_again = order["triggered"] and "stop_price" in changed
        unknown = not wanted.keys() <= NEEDS[order["type"]] | {"amount"}
        off_tick = any(self._off_tick(order["symbol"], new[name]) for name in ("price", "stop_price") if name in wanted)
        trail = new["trail_percent"] or Decimal(1)
        if unknown or new["amount"] <= self.filled(order) or triggered_again or off_tick or not 0 < trail <= 50:
            raise RefusedError("InvalidOrderError")

    def _decided(
        self, order: Item, new: Item, rest: Decimal, context: MarketContext, reasons: set[str], *, raised: bool
    ) -> tuple[Takes, Memory]:
        """Return what the rest takes now, or raise RefusedError."""
        asked, snapshot = self._asked(new, rest, self._exit_specs(order)), context.snapshot
        reasons |= self.trigger_faults(asked, snapshot) | self._trail_faults(new, snapshot)
        if order["side"] == "buy":
            reasons |= self.exit_faults(asked, context)
        resting = {**new, "type": asked.type.value, "amount": rest, "takes": []}
        takes, memory = self.taking(resting, asked, snapshot, reasons)
        if not context.is_open:
            takes, memory = [], {}
            if self.limits is not None and self.limits.respect_market_hours:
                reasons.add("OrderRejectedError")
        status, order["status"] = order["status"], "cancelled"  # out of the way
        try:
            if order["side"] == "sell" or raised:
                reasons |= self._symbol_faults(order["symbol"])
            if raised:
                reasons |= self.limit_faults(asked, rest, snapshot, context.marks)
            reasons |= self._fund_faults(order, new, rest, takes)
        finally:
            order["status"] = status
        if reasons:
            raise RefusedError(*reasons)
        return takes, memory

    def _settle(
        self, order: Item, at: datetime, snapshot: Snapshot, immediate: tuple[Item, Takes, Memory] | None
    ) -> None:
        """What follows from a fill on arrival: the mark, the exits, and the peak."""
        symbol = order["symbol"]
        self.marks[symbol] = (snapshot.bids[0].price + snapshot.asks[0].price) / 2
        if order["side"] == "buy":
            self.grow_exits(order, at)
        if immediate is not None:
            exit_order, sale, sale_memory = immediate
            sold = self.orders[exit_order["id"]]
            self.fill(sold, sale, "taker", at)
            self.taken[symbol, "sell"] = sale_memory
            self.settle_exit(sold)
        self.peak = max(self.peak, self.equity(self.marks))

    def _exit_specs(self, entry: Item) -> dict[str, ExitSpec]:
        return {
            item["type"]: ExitSpec(percent=item["percent"])
            if item["percent"] is not None
            else ExitSpec(stop_price=item["stop_price"])
            for item in self.exits(entry)
        }

    def _asked(self, new: Item, rest: Decimal, exits: dict[str, ExitSpec]) -> OrderRequest:
        """The rest as a new order. A stop_limit that has triggered is a limit."""
        return OrderRequest(
            new["symbol"],
            OrderSide(new["side"]),
            OrderType.LIMIT if new["triggered"] else OrderType(new["type"]),
            rest,
            price=new["price"],
            stop_price=None if new["triggered"] else new["stop_price"],
            trail_percent=new["trail_percent"],
            time_in_force=TimeInForce.GTC,
            post_only=new["post_only"],
            reduce_only=new["reduce_only"],
            stop_loss=exits.get("stop_loss"),
            take_profit=exits.get("take_profit"),
        )

    def _size_faults(self, order: Item, new: Item, rest: Decimal, snapshot: Snapshot) -> set[str]:
        market, total = self.markets[order["symbol"]], new["amount"]
        price = new["price"] or new["stop_price"] or snapshot.bids[0].price
        bad = (market.max_amount is not None and total > market.max_amount) or (
            market.max_notional is not None and total * price > market.max_notional
        )
        if not (order["side"] == "sell" and rest == self.held(order["symbol"])):
            bad = bad or total * price < market.min_notional
            off_lot = total % market.lot_step or total < market.min_amount
            bad = bad or bool(total != order["amount"] and off_lot)
        return {"InvalidOrderError"} if bad else set()

    def _trail_faults(self, new: Item, snapshot: Snapshot) -> set[str]:
        if new["trail_percent"] is None:
            return set()
        trigger = down(new["trail_mark"] * (1 - new["trail_percent"] / 100), self.markets[new["symbol"]].tick_size)
        return {"OrderRejectedError"} if snapshot.bids[0].price <= trigger else set()

    def _symbol_faults(self, symbol: str) -> set[str]:
        limits = self.limits
        if limits is not None and (
            symbol in limits.blocked_symbols
            or (limits.allowed_symbols is not None and symbol not in limits.allowed_symbols)
        ):
            return {"RiskLimitExceededError"}
        return set()

    def _fund_faults(self, order: Item, new: Item, rest: Decimal, takes: Takes) -> set[str]:
        """The old order is out of the way, so what it held is free."""
        if order["side"] == "sell":
            free = self.free(order["symbol"].split("/")[0])
            return {"InsufficientBalanceError"} if rest > free else set()
        after = {**new, "status": "open", "takes": order["takes"] + [(*take, self.taker) for take in takes]}
        fee = self.fee_due(after) - self.fee(order)
        after["charged"] = [*order["charged"], fee]
        needed = self.paid(after) - self.paid(order) + fee + self.lock(after)
        return {"InsufficientBalanceError"} if needed > self.free(self.cash_asset) else set()

    def _immediate(self, order: Item, takes: Takes, snapshot: Snapshot) -> tuple[Item, Takes, Memory] | None:
        """What :meth:`immediate_sale` says for all that the entry has bought then."""
        if not takes or order["side"] == "sell":
            return None
        exits = [{**item, "stop_price": None} if item["percent"] is not None else item for item in self.exits(order)]
        return self.immediate_sale(order, exits, [(price, size) for price, size, _ in order["takes"]] + takes, snapshot)
