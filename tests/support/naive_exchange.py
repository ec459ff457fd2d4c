"""A second implementation of the paper account, written from the rules alone and as plainly as possible.

It stores nothing that it can compute again (naive_books). It takes every point of the path one by one (naive_path). It
accepts an order when no rule forbids it, in any order of the rules (naive_arrivals). The engine is compared with it
after each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from tests.support.naive_books import OPEN, Item, RefusedError, down
from tests.support.naive_replacing import NaiveReplacing


class NaiveExchange(NaiveReplacing):
    """One paper account and all the market it has seen."""

    def close_position(self, name: str, close: ClosePosition, at: datetime, context: MarketContext) -> None:
        """Sell all or a part of a symbol at market. If that works, its other sells give way: all, or what is needed."""
        symbol, held = close.symbol, self.held(close.symbol)
        amount = self.part_of(close, held)
        before = {order["id"]: (order["status"], order["amount"]) for order in self.open_orders()}
        sells = [order for order in self.open_orders() if order["symbol"] == symbol and order["side"] == "sell"]
        for order in sorted(sells, key=itemgetter("turn"), reverse=True):
            if amount == held:
                order["status"] = "pending" if order["status"] == "pending" else "cancelled"
            else:
                self.give_way(order, amount - self.free(symbol.split("/")[0]))
        sale = OrderRequest(symbol, OrderSide.SELL, OrderType.MARKET, amount)
        try:
            self.place(name, sale, at, context)
        except RefusedError:
            for order_id, (status, size) in before.items():
                self.orders[order_id] |= {"status": status, "amount": size}
            raise
        for order_id, (_, size) in before.items():
            if self.orders[order_id]["amount"] != size:
                self.orders[order_id]["replaced"] = True

    def part_of(self, close: ClosePosition, held: Decimal) -> Decimal:
        faults = self.status_faults("sell")
        if faults:
            raise RefusedError(*faults)
        if not held:
            raise RefusedError("OrderRejectedError")
        amount = held if close.amount is None else close.amount
        if close.percent is not None and close.percent != 100:
            amount = down(held * close.percent / 100, self.markets[close.symbol].lot_step)
        if amount > held:
            raise RefusedError("InsufficientBalanceError")
        if not amount:
            raise RefusedError("InvalidOrderError")
        return amount

    def give_way(self, order: Item, missing: Decimal) -> None:
        """Make a sell, and its sibling with it, smaller by what is missing. It ends if that is all of it."""
        if missing <= 0 or order["status"] not in OPEN - {"pending"}:
            return
        entry = self.orders.get(order["entry"] or "")
        pair = [order] if entry is None else self.exits(entry)
        ends = self.remaining(order) <= missing or (entry is not None and entry["status"] in OPEN)
        for sell in pair:
            if ends:
                sell["status"] = "cancelled"
            else:
                sell["amount"] -= missing

    def cancel(self, order_id: str) -> None:
        order = self.orders.get(order_id)
        if order is None or order["status"] not in OPEN:
            raise RefusedError("OrderNotFoundError")
        self.end(order, "cancelled")

    def cancel_all(self, symbol: str | None) -> None:
        for order in self.open_orders():
            if symbol in {None, order["symbol"]} and order["status"] in OPEN:
                self.end(order, "cancelled")

    def set_status(self, change: SetStatus) -> None:
        status, by = change.status, change.by
        if self.status == "suspended" and by != "admin":
            raise RefusedError("WalletSuspendedError")
        reinstating = status == "active" and by == "admin"
        other_level = status == "paused" and change.level not in {None, self.level}
        if (self.status == status and not other_level) or (reinstating and self.status != "suspended"):
            raise RefusedError("ConflictError")
        if status == "active" and self.breach(self.equity(self.marks)) is not None:
            raise RefusedError("ConflictError")
        if status == "active":
            self.level = None
        elif status == "paused" and by == "owner":
            self.level = change.level or "reduce_only"
            for order in self.open_orders():
                if order["side"] == "buy" and not change.keep_orders and order["status"] in OPEN:
                    self.end(order, "cancelled")
        elif status == "paused":
            self.level = self.level or "full"
        self.status, self.by_limit = status, False

    def set_limits(self, limits: RiskLimits) -> None:
        self.limits = replace(limits)

    def reset(self, at: datetime) -> None:
        for order in self.open_orders():
            if order["status"] in OPEN:
                self.end(order, "cancelled")
        if self.by_limit and self.status == "paused":
            self.status, self.level = "active", None
        self.by_limit = False
        self.begin(at, self.balance, {})

    def fork(self, at: datetime, mids: Mapping[str, Decimal]) -> None:
        """Go on as a copy: the same balances and cost, no orders, everything counted from now."""
        held = {name: (book[0], book[1]) for name, book in self.books().items() if name != "cash" and book[0]}
        self.status, self.by_limit, self.level, self.epoch = "active", False, None, 0
        self.all_orders, self.all_fills, self.samples = {}, [], {}
        self.marks = dict(mids)
        self.followed = dict.fromkeys(held, at)
        self.begin(at, self.cash(), held)
