"""Paper wallets of a simulated market: what one trader does in some days, with something of everything in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moniqo_core.domain.clock import rfc3339
from tests.recording.scene import Scene
from tests.support.wallets import new_wallet

BEGAN = datetime(2026, 3, 2, 17, 0, 5, tzinfo=UTC)
"""A Monday, noon in New York: markets are open."""
BTC, ETH, DOGE = "BTC/USDT", "ETH/USDT", "DOGE/USDT"
WIDE = {
    "max_position_size_usd": 10**9,
    "max_total_exposure_usd": 10**9,
    "max_open_positions": 100,
    "daily_loss_limit_usd": 10**9,
}


@dataclass
class Trader:
    """One wallet of the scene and what its owner asks."""

    scene: Scene
    id: str
    symbol: str = BTC

    @property
    def path(self) -> str:
        return f"/wallets/{self.id}"

    def place(self, side: str, kind: str, expected: int = 201, headers: Any = None, **fields: Any) -> Any:
        """Place an order of the wallet's usual symbol unless another one is given."""
        body = {"symbol": self.symbol, "side": side, "type": kind} | fields
        sent = {} if headers is None else {"headers": headers}
        return self.scene.ask("POST", f"{self.path}/orders", expected, body=body, **sent)

    def away(self, share: str, symbol: str | None = None) -> str:
        return self.scene.price(self.id, symbol or self.symbol, share)

    def orders(self) -> Any:
        return self.scene.ask("GET", f"{self.path}/orders", query={"limit": 100})["items"]

    def order(self, order_id: str) -> Any:
        return self.scene.ask("GET", f"{self.path}/orders/{order_id}")

    def post(self, part: str, expected: int = 200, **given: Any) -> Any:
        return self.scene.ask("POST", self.path + part, expected, **given)

    def wait_for(self, order_id: str, status: str, **step: float) -> Any:
        """Let time pass until an order has a status."""
        end = self.scene.clock.now + timedelta(days=20)
        while (found := self.order(order_id))["status"] != status:
            assert self.scene.clock.now < end, found
            self.scene.clock.forward(**step)
        return found


def open_wallet(scene: Scene, cash: str = "100000", symbol: str = BTC, **fields: Any) -> Trader:
    """Create a wallet with wide limits unless others are given."""
    body = new_wallet(**{"credentials": {"initial_balance_usd": cash}, "risk_limits": WIDE} | fields)
    return Trader(scene, scene.ask("POST", "/wallets", 201, body=body)["id"], symbol)


def at_market(trader: Trader) -> None:
    """Market orders by amount and by quote amount, named in both ways, and ids that refusals do not use up."""
    told = {"n": 1.5, "why": "ünlike", "a.b": {"$c": [1, None, True]}}
    trader.place("buy", "market", amount="0.5", client_order_id="market-buy", metadata=told)
    trader.place("buy", "market", amount="0.5", client_order_id="market-buy", metadata=told, expected=200)
    trader.place("buy", "market", quote_amount="1234.56", headers={"Idempotency-Key": "quote-buy"})
    trader.place("sell", "market", quote_amount="500", client_order_id="quote-sell")
    trader.place("sell", "market", amount="0.10000", client_order_id="market-sell", metadata={"n": 2})
    refused = {"amount": "99", "client_order_id": "refused-first"}
    assert trader.place("buy", "market", 422, **refused)["code"] == "INSUFFICIENT_BALANCE"
    trader.place("buy", "market", amount="0.01", client_order_id="refused-first")
    for fields in ({"amount": "0.000001"}, {"amount": "1", "reduce_only": True}, {"amount": "1", "symbol": "NO/USDT"}):
        trader.place("buy", "market", 422, client_order_id="refused-for-ever", **fields)
    trader.place("sell", "market", 422, amount="7", client_order_id="refused-for-ever")


def at_a_limit(trader: Trader) -> None:
    """Limit orders of every time in force, post-only and reduce-only ones. Some rest, some fill, and some end."""
    clock, far, beyond = trader.scene.clock, trader.away("-0.3"), trader.away("0.001")
    trader.place("buy", "limit", amount="0.01", price=far, client_order_id="far")
    trader.place("buy", "limit", amount="0.02", price=beyond, client_order_id="improved")
    trader.place("buy", "limit", amount="0.01", price=far, post_only=True, client_order_id="post-only")
    trader.place("buy", "limit", 422, amount="0.01", price=beyond, post_only=True)
    trader.place("sell", "limit", amount="0.01", price=trader.away("0.3"), reduce_only=True, client_order_id="reduce")
    trader.place("buy", "limit", amount="0.01", price=far, time_in_force="IOC", client_order_id="ioc-nothing")
    trader.place("buy", "limit", amount="0.01", price=beyond, time_in_force="FOK", client_order_id="fok")
    trader.place("buy", "limit", 422, amount="0.01", price=far, time_in_force="FOK", client_order_id="fok-refused")
    trader.place("buy", "limit", amount="0.01", price=far, time_in_force="DAY", client_order_id="day")
    until: dict[str, Any] = {"time_in_force": "GTD", "expires_at": rfc3339(clock.now + timedelta(minutes=3))}
    gone = trader.place("buy", "limit", amount="0.01", price=far, client_order_id="gtd", **until)
    maker = trader.place("buy", "limit", amount="0.01", price=trader.away("-0.002"), client_order_id="maker")
    clock.forward(minutes=4)
    assert trader.order(gone["order_id"])["status"] == "expired"
    trader.wait_for(maker["order_id"], "filled", hours=1)
    ended = trader.place("buy", "limit", amount="0.01", price=far, client_order_id="cancelled")
    trader.scene.ask("DELETE", f"{trader.path}/orders/{ended['order_id']}")
    trader.scene.ask("DELETE", f"{trader.path}/orders/{ended['order_id']}", 409)
    trader.scene.ask("DELETE", f"{trader.path}/orders/{maker['order_id']}", 409)


def with_triggers(trader: Trader) -> None:
    """Stops, targets, stop limits and trailing stops: of each one that fills and one that waits."""
    sell: dict[str, Any] = {"side": "sell", "amount": "0.01"}
    low, high = trader.away("-0.3"), trader.away("0.3")
    trader.place(**sell, kind="stop_loss", stop_price=low, client_order_id="stop-waits")
    trader.place(**sell, kind="take_profit", stop_price=high, client_order_id="target-waits")
    trader.place(**sell, kind="trailing_stop", trail_percent="40", client_order_id="trail-waits")
    trader.place(**sell, kind="stop_limit", stop_price=low, price=low, client_order_id="stop-limit-sell-waits")
    trader.place("buy", "stop_limit", amount="0.01", stop_price=high, price=high, client_order_id="stop-limit-waits")
    trader.place(**sell, kind="stop_loss", stop_price=high, expected=422, client_order_id="passed")
    near = [
        trader.place(**sell, kind="stop_loss", stop_price=trader.away("-0.004"), client_order_id="stop"),
        trader.place(**sell, kind="take_profit", stop_price=trader.away("0.004"), client_order_id="target"),
        trader.place(**sell, kind="trailing_stop", trail_percent="0.5", client_order_id="trail"),
        trader.place(
            "buy", "stop_limit", amount="0.01", stop_price=trader.away("0.003"), price=trader.away("0.02"),
            client_order_id="stop-limit",
        ),
    ]  # fmt: skip
    for order in near:
        trader.wait_for(order["order_id"], "filled", hours=3)


def with_exits(trader: Trader) -> None:
    """Entries with exits: at prices and in percent, waiting, filled, and ended with their entry."""
    entry: dict[str, Any] = {"side": "buy", "amount": "0.02"}
    trader.place(**entry, kind="market", stop_loss={"percent": "20"}, take_profit={}, client_order_id="exits-wait")
    near: dict[str, Any] = {"stop_loss": {"percent": "0.4"}, "take_profit": {"stop_price": trader.away("0.006")}}
    both = trader.place(**entry, kind="market", **near, client_order_id="exits-fill")
    trader.place(
        **entry, kind="limit", price=trader.away("-0.2"), stop_loss={"stop_price": "10000"}, client_order_id="pending"
    )
    ended = trader.place(**entry, kind="limit", price=trader.away("-0.2"), stop_loss={}, client_order_id="ended")
    trader.scene.ask("DELETE", f"{trader.path}/orders/{ended['order_id']}")
    later = trader.place(
        **entry, kind="limit", price=trader.away("-0.003"), stop_loss={"percent": "1"}, take_profit={"percent": "1"},
        client_order_id="filled-later",
    )  # fmt: skip
    above = {"stop_price": trader.away("0.1")}
    trader.place("buy", "market", amount="0.01", stop_loss=above, client_order_id="stop-passed-already")
    stop = both["order_id"].rpartition("-")[0]
    while not {trader.order(f"{stop}-{number}")["status"] for number in (2, 3)} & {"filled"}:
        trader.scene.clock.forward(hours=2)
    trader.wait_for(later["order_id"], "filled", hours=2)


def in_parts(trader: Trader) -> None:
    """Orders larger than what is offered: partially filled, then cancelled, cancelled at once, or still open."""
    large: dict[str, Any] = {"symbol": ETH, "side": "buy", "kind": "limit", "amount": "100"}
    ended = trader.place(**large, price=trader.away("0.00008", ETH), client_order_id="part-cancelled")
    assert ended["status"] == "partially_filled"
    trader.scene.ask("DELETE", f"{trader.path}/orders", query={"symbol": ETH})
    trader.scene.clock.forward(minutes=1)
    price = trader.away("0.00008", ETH)
    trader.place(**large, price=price, time_in_force="IOC", client_order_id="part-at-once")
    trader.scene.clock.forward(minutes=1)
    trader.place("buy", "market", 422, symbol=DOGE, amount="90000000", client_order_id="too-much")


def left_open(trader: Trader) -> None:
    """What is open when the recording ends: in part, for a day, until a moment, with exits of what is filled."""
    price, until = trader.away("0.00008", ETH), rfc3339(trader.scene.clock.now + timedelta(days=30))
    exits: dict[str, Any] = {"stop_loss": {"percent": "30"}, "take_profit": {"percent": "30"}}
    part = trader.place("buy", "limit", symbol=ETH, amount="90", price=price, client_order_id="part-open", **exits)
    assert part["status"] == "partially_filled"
    far: dict[str, Any] = {"symbol": "SOL/USDT", "amount": "1", "price": "30"}
    trader.place("buy", "limit", **far, time_in_force="DAY", client_order_id="day-open")
    trader.place("buy", "limit", **far, time_in_force="GTD", expires_at=until, client_order_id="gtd-open")
