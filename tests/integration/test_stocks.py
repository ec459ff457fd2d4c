"""Paper trading of stocks within the trading hours of the exchange."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.engine import WIDE, Clock, Engine, clock, engine
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")
D = Decimal
STOCKS = {"wallet_id": "demo-stocks-v1"}
FRIDAY_NIGHT = datetime(2026, 3, 6, 23, 0, 5, tzinfo=UTC)
MONDAY_OPEN = "2026-03-09T13:30:00.000Z"
"""By then New York has summer time."""


def buy(engine: Engine, wallet: str, **fields: object) -> Any:
    return engine.try_to_place(wallet, **({"symbol": "AAPL/USD", "amount": "10"} | fields))


def test_shares_trade_in_dollars_while_the_exchange_is_open(engine: Engine) -> None:
    wallet = engine.create(**STOCKS)
    order = buy(engine, wallet)
    assert (order.status, order.json["status"], order.json["fee_currency"]) == (201, "filled", "USD")
    assert buy(engine, wallet, symbol="BTC/USDT", amount="0.1").json["code"] == "INVALID_SYMBOL"
    day = buy(engine, wallet, type="limit", price="150", time_in_force="DAY").json
    assert day["expires_at"] == "2026-03-02T21:00:00Z"
    assets = {held["asset"]: held for held in engine.get("get_balance", wallet, "/balance")["assets"]}
    assert assets["AAPL"]["total"] == "10"


def test_nothing_fills_while_the_exchange_is_closed(engine: Engine, clock: Clock) -> None:
    clock.now = FRIDAY_NIGHT
    wallet = engine.create(**STOCKS)
    for fields in ({}, {"type": "limit", "price": "250", "time_in_force": "IOC"}):
        refused = buy(engine, wallet, **fields)
        assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
        assert refused.json["next_open"].startswith("2026-03-09T13:30:00")
    waiting = buy(engine, wallet, type="limit", price="250").json
    assert waiting["status"] == "open"
    clock.forward(days=1)
    asleep = engine.order(wallet, waiting["order_id"])
    assert (asleep["status"], asleep["evaluated_until"][:10]) == ("open", "2026-03-07")
    assert not engine.get("get_balance", wallet, "/balance")["stale"]
    clock.now = datetime(2026, 3, 9, 13, 31, tzinfo=UTC)
    awake = engine.order(wallet, waiting["order_id"])
    assert awake["status"] == "filled"
    assert awake["fills"][0]["timestamp"] >= MONDAY_OPEN
    engine.replay(wallet)


def test_respect_market_hours_refuses_orders_outside_the_session(engine: Engine, clock: Clock) -> None:
    clock.now = FRIDAY_NIGHT
    wallet = engine.create(**STOCKS, risk_limits=WIDE | {"respect_market_hours": True})
    refused = buy(engine, wallet, type="limit", price="150")
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED")
    body = {"symbol": "AAPL/USD", "side": "buy", "type": "limit", "amount": "1", "price": "150"}
    found = engine.ask("preflight_order", "POST", wallet, "/orders/preflight", body=body).json
    market = next(rule for rule in found["rules"] if rule["rule"] == "market")
    assert (market["result"], market["numbers"]["is_open"]) == ("failed", False)
    assert market["numbers"]["next_open"] == MONDAY_OPEN
    assert found["largest_amount"] == "0"


@pytest.mark.parametrize(
    ("now", "is_open", "next_open", "next_close"),
    [
        (datetime(2026, 3, 6, 15, 0, tzinfo=UTC), True, "2026-03-09T13:30:00Z", "2026-03-06T21:00:00Z"),
        (datetime(2026, 3, 6, 21, 0, tzinfo=UTC), False, "2026-03-09T13:30:00Z", "2026-03-09T20:00:00Z"),
        (datetime(2026, 11, 26, 15, 0, tzinfo=UTC), False, "2026-11-27T14:30:00Z", "2026-11-27T18:00:00Z"),
        (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), True, "2026-11-30T14:30:00Z", "2026-11-27T18:00:00Z"),
    ],
)
def test_clock_tells_the_session(
    engine: Engine, clock: Clock, now: datetime, *, is_open: bool, next_open: str, next_close: str
) -> None:
    clock.now = now
    wallet = engine.create(**STOCKS)
    query = {"user_wallet_id": wallet}
    shown = engine.invoke("get_clock", "GET", "/markets/clock", user=engine.user, query=query).json
    hours = {"is_open": is_open, "next_open": next_open, "next_close": next_close, "calendar": "XNYS"}
    assert shown == {**query, **hours, "as_of": now.isoformat().replace("+00:00", "Z")}


def test_crypto_is_always_open(engine: Engine, clock: Clock) -> None:
    clock.now = FRIDAY_NIGHT
    query = {"user_wallet_id": engine.create()}
    shown = engine.invoke("get_clock", "GET", "/markets/clock", user=engine.user, query=query).json
    hours = [shown[name] for name in ("is_open", "next_open", "next_close", "calendar")]
    assert hours == [True, None, None, None]


def test_day_order_placed_overnight_expires_at_the_next_close(engine: Engine, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)  # Thanksgiving; the day after closes early
    wallet = engine.create(**STOCKS)
    order = buy(engine, wallet, type="limit", price="150", time_in_force="DAY").json
    assert order["expires_at"] == "2026-11-27T18:00:00Z"
    clock.now = datetime(2026, 11, 27, 18, 0, 1, tzinfo=UTC)
    assert engine.order(wallet, order["order_id"])["status"] == "expired"


def test_last_price_holds_over_the_weekend(engine: Engine, clock: Clock) -> None:
    clock.now = datetime(2026, 3, 6, 20, 59, 50, tzinfo=UTC)
    wallet = engine.create(**STOCKS)
    assert buy(engine, wallet).status == 201
    clock.now = FRIDAY_NIGHT
    query = {"user_wallet_id": wallet, "symbol": "AAPL/USD"}
    price = engine.invoke("get_price", "GET", "/markets/price", user=engine.user, query=query).json
    assert price["timestamp"] == "2026-03-06T20:59:45Z"
    friday = engine.get("get_balance", wallet, "/balance")["total_value_usd"]
    clock.forward(days=2)
    assert engine.get("get_balance", wallet, "/balance")["total_value_usd"] == friday
    candles = engine.invoke(
        "get_candles", "GET", "/markets/candles", user=engine.user, query=query | {"interval": "1h", "limit": 8}
    ).json["items"]
    assert [candle["start"][5:13] for candle in candles] == [
        "03-05T20", "03-06T14", "03-06T15", "03-06T16", "03-06T17", "03-06T18", "03-06T19", "03-06T20",
    ]  # fmt: skip
    closing = engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "AAPL/USD"})
    assert (closing.status, closing.json["code"]) == (422, "ORDER_REJECTED")
    clock.now = datetime(2026, 3, 9, 14, 0, tzinfo=UTC)
    closing = engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "AAPL/USD"})
    assert closing.status == 201


def test_frequent_reads_over_a_weekend_change_nothing(engine: Engine, clock: Clock) -> None:
    often, once = engine.create(**STOCKS), engine.create(**STOCKS)
    for wallet in (often, once):
        assert buy(engine, wallet).status == 201
        assert buy(engine, wallet, side="sell", type="trailing_stop", amount="10", trail_percent="1").status == 201
    while clock.now < datetime(2026, 3, 10, 20, 0, tzinfo=UTC):
        clock.forward(hours=7)
        engine.get("list_orders", often, "/orders")
    told = [engine.get("list_orders", wallet, "/orders")["items"] for wallet in (often, once)]
    assert [order["fills"] and order["fills"][0]["price"] for order in told[0]] == [
        order["fills"] and order["fills"][0]["price"] for order in told[1]
    ]
    span = {"from": "2026-03-02T17:00:00Z", "to": "2026-03-10T20:00:00Z"}
    curves = [engine.get("get_equity", wallet, "/equity", **span)["items"] for wallet in (often, once)]
    assert curves[0] == curves[1]
    engine.replay(often, once)
