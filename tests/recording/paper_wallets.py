"""Paper wallets under limits, reset, forked and deleted ones, and wallets of shares and at a venue's prices."""

from __future__ import annotations

from moniqo_core import event_loop
from tests.recording.paper_orders import BEGAN, BTC, DOGE, ETH, WIDE, Trader, open_wallet
from tests.recording.scene import Scene
from tests.support import queued_work
from tests.support.lambdas import ADMIN, STRANGER
from tests.support.random_life import STOCKS, SYMBOLS, Life
from tests.support.wallets import new_wallet

SHARES = "demo-stocks-v1"
FOLLOWING = "demo-live-v1"


def under_limits(scene: Scene) -> Trader:
    """Limits that refuse orders, change, and pause a wallet. A wallet is paused, suspended and used again."""
    small = WIDE | {"max_position_size_usd": "1000", "max_total_exposure_usd": "1500", "max_open_positions": 1}
    key = {"Idempotency-Key": "create-under-limits"}
    body = new_wallet(custom_name="Limits", risk_limits=small, color="#2F80ED", icon="scale", description="Ünder")
    trader = Trader(scene, scene.ask("POST", "/wallets", 201, body=body, headers=key)["id"])
    trader.place("buy", "market", 422, amount="0.1", client_order_id="above-position")
    trader.place("buy", "market", amount="0.01", client_order_id="within")
    trader.place("buy", "market", 422, symbol=ETH, amount="0.01", client_order_id="second-position")
    more = {"max_position_size_usd": "9000", "max_total_exposure_usd": 9000, "max_open_positions": 5}
    wider = {**more, "timezone": "Europe/Berlin", "blocked_symbols": [DOGE], "daily_loss_limit_percent": "50"}
    scene.ask("PATCH", trader.path, body={"risk_limits": wider, "custom_name": "Other limits"})
    trader.place("buy", "market", 422, symbol=DOGE, amount="100", client_order_id="blocked")
    scene.clock.forward(minutes=5)
    resting = [trader.place("buy", "limit", amount="0.01", price=trader.away("-0.3")) for _ in range(2)]
    trader.place("sell", "stop_loss", amount="0.005", stop_price=trader.away("-0.3"), client_order_id="kept-exit")
    trader.post("/pause", body={"reason": "a rest"})
    trader.place("buy", "market", 409, amount="0.01", client_order_id="while-paused")
    scene.ask("DELETE", f"{trader.path}/orders/{resting[0]['order_id']}")
    trader.post("/resume", body={"confirm": True})
    trader.place("buy", "market", amount="0.001", client_order_id="while-paused")
    trader.post("/suspend", user=ADMIN, body={"reason": "a question"})
    trader.place("buy", "market", 409, amount="0.01")
    trader.post("/reinstate", user=ADMIN, body={"reason": "answered"})
    scene.clock.forward(hours=30)
    scene.ask("GET", f"{trader.path}/balance")
    return trader


def paused_by_a_loss(scene: Scene) -> Trader:
    """A daily loss limit pauses a wallet, cancels its purchase and keeps its exit. Then the wallet is used again."""
    trader = open_wallet(scene, risk_limits=WIDE | {"daily_loss_limit_usd": "60"}, custom_name="Daily loss")
    trader.place("buy", "limit", amount="0.1", price=trader.away("-0.3"), client_order_id="ended-by-the-pause")
    trader.place("buy", "market", amount="0.001", client_order_id="first")
    trader.place("sell", "stop_loss", amount="0.0005", stop_price=trader.away("-0.5"), client_order_id="kept")
    trader.place("buy", "market", amount="1.5", client_order_id="nearly-all")
    trader.place("sell", "market", amount="1.5", client_order_id="fees-alone")
    scene.clock.forward(minutes=1)
    scene.ask("GET", f"{trader.path}/balance")
    assert scene.ask("GET", trader.path)["status"] == "paused"
    trader.post("/resume", 409, body={"confirm": True})
    scene.ask("PATCH", trader.path, body={"risk_limits": {"daily_loss_limit_usd": 5000}})
    trader.post("/resume", body={"confirm": True})
    trader.place("buy", "market", quote_amount="100", client_order_id="again")
    return trader


def left_paused(scene: Scene) -> list[Trader]:
    """Wallets that are paused or suspended when the recording ends: by a drawdown, by the owner, by an operator."""
    deep = open_wallet(scene, risk_limits=WIDE | {"max_drawdown_percent": "0.05"}, custom_name="Drawdown")
    deep.place("buy", "market", amount="1.5", client_order_id="deep")
    scene.clock.forward(hours=1)
    scene.ask("GET", f"{deep.path}/balance")
    assert scene.ask("GET", deep.path)["status"] == "paused"
    owner, operator = (open_wallet(scene, custom_name=name) for name in ("Paused", "Suspended"))
    for trader in (owner, operator):
        trader.place("buy", "limit", amount="0.01", price="20000", client_order_id="rests")
    owner.post("/pause", body={})
    operator.post("/suspend", user=ADMIN, body={"reason": "a question"})
    return [deep, owner, operator]


def reset_and_forked(scene: Scene) -> list[Trader]:
    """A wallet that was reset twice, and copies of what it was and of what it is."""
    trader = open_wallet(scene, custom_name="Epochs")
    trader.place("buy", "market", amount="0.3", client_order_id="first-epoch", stop_loss={"percent": "25"})
    trader.place("buy", "limit", amount="0.1", price="20000", client_order_id="ended-by-the-reset")
    trader.place("buy", "market", amount="0.1")
    trader.place("sell", "market", amount="0.1")
    scene.clock.forward(hours=30)
    trader.post("/reset", headers={"Idempotency-Key": "reset-once"})
    trader.post("/reset", headers={"Idempotency-Key": "reset-once"})
    trader.place("buy", "market", amount="0.2", client_order_id="second-epoch")
    scene.clock.forward(hours=2)
    scene.ask("POST", f"{trader.path}/positions/close", 201, query={"symbol": BTC})
    trader.post("/reset")
    trader.place("buy", "market", quote_amount="777", client_order_id="third-epoch")
    then = trader.post("/fork", 201, body={"seq": 3}, headers={"Idempotency-Key": "fork-then"})
    now = trader.post("/fork", 201, body={"custom_name": "A copy"}, headers={"Idempotency-Key": "fork-now"})
    copies = [Trader(scene, copy["id"]) for copy in (then, now)]
    copies[0].place("sell", "market", amount="0.15", client_order_id="first-epoch")
    return [trader, *copies]


def deleted(scene: Scene) -> Trader:
    """A wallet is deleted with an open order and a position. Its journal stays."""
    trader = open_wallet(scene, custom_name="Deleted")
    trader.place("buy", "market", amount="0.1", stop_loss={"percent": "25"})
    scene.ask("DELETE", trader.path, 409)
    scene.ask("DELETE", trader.path, 204, query={"force": "true"})
    scene.ask("GET", trader.path, 404)
    return trader


def of_shares(scene: Scene) -> list[Trader]:
    """Wallets of shares over a weekend, one of which keeps to the hours of the exchange."""
    trader = open_wallet(scene, wallet_id=SHARES, symbol="AAPL/USD", custom_name="Shares")
    hours = WIDE | {"respect_market_hours": True}
    strict = open_wallet(scene, wallet_id=SHARES, symbol="MSFT/USD", custom_name="Hours", risk_limits=hours)
    trader.place("buy", "market", amount="10", client_order_id="shares")
    strict.place("buy", "market", quote_amount="5000", client_order_id="shares", take_profit={"percent": "3"})
    trader.place("sell", "trailing_stop", amount="4", trail_percent="0.5", client_order_id="shares-trail")
    trader.place("buy", "limit", amount="5", price="150", time_in_force="DAY", client_order_id="shares-day")
    scene.clock.now = BEGAN.replace(day=6, hour=23)
    trader.place("buy", "market", 422, amount="1", client_order_id="closed")
    trader.place("buy", "limit", amount="3", price="250", client_order_id="over-the-weekend")
    strict.place("buy", "limit", 422, amount="1", price="300", client_order_id="closed")
    scene.clock.now = BEGAN.replace(day=9, hour=14)
    scene.ask("POST", f"{strict.path}/positions/close", 201, query={"symbol": "MSFT/USD"})
    strict.place("buy", "limit", amount="2", price="300", time_in_force="DAY", client_order_id="shares-open")
    return [trader, strict]


def definitions(scene: Scene) -> list[str]:
    """Definitions that an admin made, changed and deleted."""
    made = {"slug": "acme-v1", "name": "Acme", "display_name": "Acme", "integration_type": "CEX", "tags": ["a"]}
    scene.ask("POST", "/wallets/definitions", 201, user=ADMIN, body=made)
    scene.ask("POST", "/wallets/definitions", 201, user=ADMIN, body={**made, "slug": "gone-v1"})
    scene.ask("PATCH", "/wallets/definitions/acme-v1", user=ADMIN, body={"description": "Änother", "order": 7})
    scene.ask("PATCH", f"/wallets/definitions/{SHARES}", user=ADMIN, body={"description": "Changed by an operator"})
    scene.ask("DELETE", "/wallets/definitions/gone-v1", 204, user=ADMIN)
    return ["acme-v1", SHARES, "demo-wallet-v1", "binance-spot-v1"]


def synced(scene: Scene, *traders: Trader) -> None:
    """Sync wallets by hand, and all that are due as the schedule does."""
    for trader in traders:
        trader.post("/sync-balance")
    scene.clock.forward(minutes=20)
    queued_work.dispatch("dispatch_sync", scene.clock())
    assert queued_work.work("sync_wallets", queued_work.received("sync_queue_url")) == []
    queued_work.dispatch("dispatch_evaluation", scene.clock())
    assert queued_work.work("evaluate_orders", queued_work.received("evaluation_queue_url")) == []


def a_stranger(scene: Scene) -> None:
    """A wallet of another user, who may use the same names."""
    wallet = scene.ask("POST", "/wallets", 201, user=STRANGER, body=new_wallet())["id"]
    order = {"symbol": BTC, "side": "buy", "type": "market", "amount": "0.01", "client_order_id": "market-buy"}
    scene.ask("POST", f"/wallets/{wallet}/orders", 201, user=STRANGER, body=order)


def drawn(scene: Scene, steps: int = 100) -> None:
    """Two lives drawn from a seed, in scripts: no service knows these wallets, only their journals are kept."""
    for name, seed, symbols in (("drawn-crypto", 10, SYMBOLS), ("drawn-shares", 11, STOCKS)):
        life = Life(scene.database, name, seed, symbols)
        event_loop.run(life.open())
        event_loop.run(life.run_steps(steps))


def following(scene: Scene) -> Trader:
    """A wallet at the prices of a venue, with resting orders that met its recorded minutes."""
    scene.ask("PATCH", f"/wallets/definitions/{FOLLOWING}", user=ADMIN, body={"is_active": True})
    trader = open_wallet(scene, wallet_id=FOLLOWING, custom_name="A venue's prices")
    trader.place("buy", "market", amount="0.3", client_order_id="at-venue-prices", stop_loss={"percent": "0.5"})
    trader.place("buy", "limit", amount="0.1", price=trader.away("-0.002"), client_order_id="limit-at-venue-prices")
    trader.place("buy", "market", quote_amount="6000", client_order_id="quote-at-venue-prices")
    trader.place("sell", "trailing_stop", amount="0.1", trail_percent="1", client_order_id="trail-at-venue-prices")
    for _ in range(3):
        scene.clock.forward(hours=1)
        trader.orders()
    return trader
