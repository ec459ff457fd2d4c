"""Orders of live wallets at fake venues, in every status they can have."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from moniqo_core import bootstrap, cli, event_loop
from tests.recording import questions
from tests.recording.paper_orders import BEGAN, WIDE, Trader
from tests.recording.scene import SEED, Scene, scene
from tests.support.lambdas import TRADER, load_function
from tests.support.recorded_calls import request
from tests.support.recorded_venues import described, open_venues, restart
from tests.support.venues.server import FakeVenue
from tests.support.wallets import new_wallet

BINANCE, KRAKEN, COINBASE = "binance-spot-v1", "kraken-spot-v1", "coinbase-advanced-v1"
PLACING = {BINANCE: "/api/v3/order", KRAKEN: "/AddOrder", COINBASE: "/brokerage/orders"}
WIDE_AT_VENUES = WIDE | {"daily_loss_limit_usd": 10**6}


def connect(scene: Scene, venue: FakeVenue, slug: str, symbol: str, cash: str, **fields: Any) -> Trader:
    """Connect an account with 100,000 of the cash asset and sync it once."""
    given = {"wallet_id": slug, "custom_name": slug, "risk_limits": WIDE_AT_VENUES} | fields
    body = new_wallet(**given, credentials=venue.credentials(balances={cash: "100000"}))
    trader = Trader(scene, scene.ask("POST", "/wallets", 201, body=body)["id"], symbol)
    trader.post("/sync-balance")
    return trader


def reconcile(scene: Scene, **later: float) -> None:
    """Let time pass and the schedule ask what became of orders."""
    scene.clock.forward(**later)
    load_function("reconcile_orders").handler({}, None)


def at_binance(scene: Scene, venue: FakeVenue) -> Trader:
    """Orders that fill, in part or not at all, that are refused, and whose answers are lost."""
    trader = connect(scene, venue, BINANCE, "BTC/USDT", "USDT")
    metadata = {"why": "a.b", "n": 1.5}
    trader.place("buy", "market", amount="0.3", client_order_id="market", metadata=metadata)
    trader.place("buy", "market", amount="0.3", client_order_id="market", metadata=metadata, expected=200)
    trader.place("buy", "market", quote_amount="500", headers={"Idempotency-Key": "quote"})
    trader.place("sell", "market", amount="0.05", client_order_id="sold")
    trader.place("buy", "market", 422, amount="9", client_order_id="refused-first")
    trader.place("buy", "market", amount="0.01", client_order_id="refused-first")
    filled = trader.place("buy", "limit", amount="0.01", price="49000", client_order_id="maker")
    trader.place("buy", "limit", amount="0.9", price="50000.01", time_in_force="IOC", client_order_id="ioc")
    trader.place("buy", "limit", 422, amount="0.01", price="50000.01", post_only=True, client_order_id="takes")
    ended = trader.place("buy", "limit", amount="0.01", price="30000", client_order_id="cancelled")
    scene.ask("DELETE", f"{trader.path}/orders/{ended['order_id']}")
    venue.exchange.move("BTC/USDT", venue.exchange.prices["BTC/USDT"] - 1500)
    restart()
    scene.clock.forward(minutes=2)
    assert trader.order(filled["order_id"])["status"] == "filled"
    trader.place("buy", "limit", amount="0.01", price="41000", client_order_id="open")
    trader.place("sell", "stop_loss", amount="0.01", stop_price="40000", client_order_id="stop-waits")
    limit: dict[str, Any] = {"stop_price": "60000", "price": "60100"}
    trader.place("buy", "stop_limit", amount="0.01", **limit, client_order_id="stop-limit-waits")
    part = trader.place("buy", "limit", amount="0.5", price="48500.01", client_order_id="part")
    assert part["status"] == "partially_filled"
    lose_answers(scene, venue, trader)
    trader.place("buy", "limit", symbol="ETH/USDT", amount="0.5", price="2500", client_order_id="another-symbol")
    return trader


def lose_answers(scene: Scene, venue: FakeVenue, trader: Trader) -> None:
    """Two orders without an answer: the venue has one of them, and never got the other."""
    price: dict[str, Any] = {"kind": "limit", "amount": "0.01", "price": "30000"}
    path = PLACING[scene.ask("GET", trader.path)["wallet_slug"]]
    lost = []
    for after, name in ((True, "found-later"), (False, "never-arrived")):
        venue.break_with("drop", path=path, method="POST", after=after)
        lost.append(trader.place("buy", **price, client_order_id=name))
    for minutes in (1, 3, 5, 10):
        reconcile(scene, minutes=minutes)
    assert [order["status"] for order in lost] == ["unknown", "unknown"]
    assert [trader.order(order["order_id"])["status"] for order in lost] == ["open", "rejected"]


def elsewhere(scene: Scene, venue: FakeVenue, slug: str) -> Trader:
    """The same at another venue, in short."""
    trader = connect(scene, venue, slug, "BTC/USD", "USD")
    trader.place("buy", "market", amount="0.3", client_order_id="market")
    trader.place("buy", "limit", amount="0.01", price="41000", client_order_id="open")
    ended = trader.place("buy", "limit", amount="0.01", price="30000", client_order_id="cancelled")
    scene.ask("DELETE", f"{trader.path}/orders/{ended['order_id']}")
    lose_answers(scene, venue, trader)
    return trader


def stopped_by_a_loss(scene: Scene, venue: FakeVenue) -> Trader:
    """A wallet that a loss limit paused: its buy order is cancelled, its exit stays."""
    trader = connect(scene, venue, BINANCE, "BTC/USDT", "USDT", risk_limits=WIDE | {"daily_loss_limit_usd": 500})
    trader.place("buy", "market", amount="0.5", client_order_id="held")
    trader.place("buy", "limit", amount="0.01", price="30000", client_order_id="cancelled-by-the-pause")
    trader.place("sell", "limit", amount="0.01", price="90000", client_order_id="exit-stays")
    venue.exchange.move("BTC/USDT", venue.exchange.prices["BTC/USDT"] - 2000)
    restart()
    scene.clock.forward(minutes=2)
    trader.post("/sync-balance")
    assert scene.ask("GET", trader.path)["status"] == "paused"
    return trader


def deleted(scene: Scene, venue: FakeVenue) -> Trader:
    """A wallet whose credentials were replaced, deleted with an order at its venue."""
    trader = connect(scene, venue, BINANCE, "BTC/USDT", "USDT", custom_name="Deleted")
    scene.ask("PUT", f"{trader.path}/credentials", body={"credentials": venue.credentials()})
    trader.post("/test-connection")
    trader.place("buy", "limit", amount="0.01", price="30000", client_order_id="cancelled-with-its-wallet")
    scene.ask("DELETE", trader.path, 409)
    scene.ask("DELETE", trader.path, 204, query={"force": "true"})
    return trader


def rotate(scene: Scene) -> None:
    """Add a key to the ring. It encrypts what is stored from now on. The rest stays under the first key."""
    event_loop.run(bootstrap.key_rotation().run_all())
    scene.clock.forward(minutes=30)
    restart()


def operate(*words: str) -> None:
    """Run the operators' command in a thread, whose event loop is its own."""
    where = ["--mongodb-url", os.environ["MONGODB_URL"]]
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main([*words, *where])))
    thread.start()
    thread.join()
    assert codes == [0]


def stopped_by_an_operator(trader: Trader) -> None:
    """Every live order is refused while the switch is off. It is on again when the recording ends."""
    operate("live", "stop", "--reason", "a question")
    trader.place("buy", "limit", 422, amount="0.01", price="30000", client_order_id="while-stopped")
    operate("live", "start")


def left_open(scene: Scene, venue: FakeVenue, trader: Trader) -> None:
    """An order that filled in part, and one whose outcome is unknown: the venue never got it, and may get it yet."""
    price = str(venue.exchange.book("BTC/USDT")[1][0][0])
    part = trader.place("buy", "limit", amount="0.5", price=price, client_order_id="part-open")
    assert part["status"] == "partially_filled"
    venue.break_with("drop", path=PLACING[BINANCE], method="POST")
    assert trader.place("buy", "limit", amount="0.01", price="30000", client_order_id="unknown")["status"] == "unknown"


def record_live(folder: Path) -> None:
    """Let the traders act, ask everything at the end, and write it down."""
    with scene(BEGAN) as made, open_venues(made.database) as venues:
        main = at_binance(made, venues[BINANCE])
        others = [elsewhere(made, venues[slug], slug) for slug in (KRAKEN, COINBASE)]
        stopped_by_an_operator(main)
        rotate(made)
        others += [stopped_by_a_loss(made, venues[BINANCE]), deleted(made, venues[BINANCE])]
        left_open(made, venues[BINANCE], main)
        made.clock.forward(seconds=20)
        restart()
        asked = [request("GET", "/api/v1/wallets", TRADER), *questions.of_catalogue([BINANCE, KRAKEN, COINBASE])]
        for trader in (main, *others):
            asked += questions.of_wallet(trader.id, made.clock())
        asked += questions.of_market(main.id, "BTC/USDT")
        asked += questions.of_orders(main.id, [order["order_id"] for order in main.orders()])
        at_venues = {slug: described(venue.exchange) for slug, venue in venues.items()}
        made.write(folder, SEED, asked, venues=at_venues)
