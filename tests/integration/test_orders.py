"""Orders over HTTP: placing, reading, cancelling, listing, and the balances afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.storage.paper.orders import newest_entries
from tests.conftest import Database
from tests.support.lambdas import STRANGER, TRADER, Invoke
from tests.support.round_trips import round_trips

LIMITS = {
    "max_position_size_usd": 1000,
    "max_total_exposure_usd": 5000,
    "max_open_positions": 5,
    "daily_loss_limit_usd": 500,
    "stop_loss_default_percent": 2.0,
    "take_profit_default_percent": 5.0,
}


@pytest.fixture
def wallet(seeded: Database, invoke: Invoke) -> str:
    """A demo wallet with 10,000 USDT."""
    body = {
        "wallet_id": "demo-wallet-v1",
        "custom_name": "My First Demo Wallet",
        "credentials": {"initial_balance_usd": "10000"},
        "risk_limits": LIMITS,
    }
    made = invoke("create_wallet", "POST", "/wallets", user=TRADER, body=body)
    assert made.status == 201, made.text
    return str(made.json["id"])


def place(invoke: Invoke, wallet: str, **fields: object) -> dict[str, object]:
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"} | fields
    answer = invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=TRADER, body=body)
    return {"status_code": answer.status, **answer.json}


def test_market_order_fills_and_the_balance_adds_up(wallet: str, invoke: Invoke) -> None:
    order = place(invoke, wallet)
    assert order["status_code"] == 201
    assert order["status"] == "filled"
    assert order["mode"] == "paper"
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    assets = {held["asset"]: held for held in balance["assets"]}
    assert assets["BTC"]["free"] == "0.01"
    spent = Decimal(str(order["filled_quote"])) + Decimal(str(order["fee"]))
    assert Decimal(assets["USDT"]["free"]) == Decimal(10000) - spent


def test_limit_order_locks_funds_and_cancelling_frees_them(wallet: str, invoke: Invoke) -> None:
    order = place(invoke, wallet, type="limit", price="20000", amount="0.01")
    assert order["status"] == "open"
    listed = invoke("list_orders", "GET", f"/wallets/{wallet}/orders", user=TRADER, query={"status": "open"}).json
    assert [item["order_id"] for item in listed["items"]] == [order["order_id"]]
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    assert balance["assets"][0]["locked"] == "200.2"
    path = f"/wallets/{wallet}/orders/{order['order_id']}"
    assert invoke("cancel_order", "DELETE", path, user=TRADER).json["status"] == "cancelled"
    again = invoke("cancel_order", "DELETE", path, user=TRADER)
    assert (again.status, again.json["code"]) == (409, "ORDER_ALREADY_CLOSED")
    assert again.json["order"]["order_id"] == order["order_id"]
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    assert balance["assets"] == [
        {"asset": "USDT", "free": "10000", "locked": "0", "total": "10000", "value_usd": "10000"}
    ]


def test_repeat_returns_the_first_order_and_another_body_is_refused(wallet: str, invoke: Invoke) -> None:
    first = place(invoke, wallet, client_order_id="same")
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": 0.010, "client_order_id": "same"}
    second = invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=TRADER, body=body)
    assert second.status == 200
    assert second.headers["idempotent-replayed"] == "true"
    assert second.json["order_id"] == first["order_id"]
    third = place(invoke, wallet, client_order_id="same", amount="0.011")
    assert (third["status_code"], third["code"]) == (422, "IDEMPOTENCY_MISMATCH")


def test_repeat_is_answered_while_the_wallet_is_paused(wallet: str, invoke: Invoke) -> None:
    first = place(invoke, wallet, client_order_id="before")
    assert invoke("pause_wallet", "POST", f"/wallets/{wallet}/pause", user=TRADER, body={}).status == 200
    assert place(invoke, wallet, client_order_id="before")["order_id"] == first["order_id"]
    refused = place(invoke, wallet, client_order_id="after")
    assert (refused["status_code"], refused["code"]) == (409, "WALLET_PAUSED")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": "0.000001"}, "INVALID_ORDER"),
        ({"amount": "0.00001"}, "INVALID_ORDER"),
        ({"symbol": "FOO/USDT"}, "INVALID_SYMBOL"),
        ({"symbol": "AAPL/USD"}, "INVALID_SYMBOL"),
        ({"amount": "0.5"}, "RISK_LIMIT_EXCEEDED"),
        ({"side": "sell", "amount": "1"}, "INSUFFICIENT_BALANCE"),
        ({"type": "limit", "price": "20000.001"}, "INVALID_ORDER"),
        ({"type": "limit"}, "INVALID_ORDER"),
        ({"type": "limit", "price": "90000", "post_only": True, "amount": "0.001"}, "ORDER_REJECTED"),
        ({"type": "limit", "price": "20000", "time_in_force": "FOK"}, "ORDER_REJECTED"),
        ({"amount": None}, "VALIDATION_ERROR"),
        ({"amount": "-1"}, "VALIDATION_ERROR"),
        ({"colour": "red"}, "VALIDATION_ERROR"),
    ],
)
def test_refused_orders_state_their_reason_and_change_nothing(
    wallet: str, invoke: Invoke, fields: dict[str, object], code: str
) -> None:
    refused = place(invoke, wallet, **fields)
    assert (refused["status_code"], refused["code"]) == (422, code)
    balance = invoke("get_balance", "GET", f"/wallets/{wallet}/balance", user=TRADER).json
    assert balance["total_value_usd"] == "10000"
    assert invoke("list_orders", "GET", f"/wallets/{wallet}/orders", user=TRADER).json["items"] == []


def test_pages_omit_and_repeat_nothing(wallet: str, invoke: Invoke) -> None:
    placed = [str(place(invoke, wallet, amount="0.001")["order_id"]) for _ in range(5)]
    for path, name, field in (("orders", "list_orders", "order_id"), ("trades", "list_trades", "order_id")):
        seen: list[str] = []
        cursor = None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = invoke(name, "GET", f"/wallets/{wallet}/{path}", user=TRADER, query=query).json
            seen += [item[field] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == placed[::-1]


@pytest.mark.parametrize(("name", "wanted"), [("side", "sell"), ("type", "take_profit")])
def test_filter_of_orders_is_part_of_the_query(
    wallet: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str, wanted: str
) -> None:
    """All other orders are newer. A read that finds nothing is followed by a wider one, and both filter."""
    place(invoke, wallet)
    sale = place(invoke, wallet, side="sell", type="take_profit", amount="0.001", stop_price="900000")
    for _ in range(6):
        place(invoke, wallet, type="limit", price="10000", amount="0.001")
    monkeypatch.setattr(newest_entries, "FEWEST", 2)

    with round_trips() as commands:
        found = invoke("list_orders", "GET", f"/wallets/{wallet}/orders", user=TRADER, query={name: wanted, "limit": 1})

    assert [order["order_id"] for order in found.json["items"]] == [sale["order_id"]]
    assert commands == ["aggregate", "find", "find", "find"]


def test_wallet_shows_markets_price_book_and_candles(wallet: str, invoke: Invoke) -> None:
    query = {"user_wallet_id": wallet}
    markets = invoke("list_markets", "GET", "/markets", user=TRADER, query=query).json["items"]
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT"} <= {market["symbol"] for market in markets}
    query["symbol"] = "BTC/USDT"
    price = invoke("get_price", "GET", "/markets/price", user=TRADER, query=query).json
    assert Decimal(price["ask"]) - Decimal(price["bid"]) == Decimal(price["spread"])
    book = invoke("get_book", "GET", "/markets/book", user=TRADER, query=query).json
    assert len(book["bids"]) == len(book["asks"]) == 20
    candles = invoke(
        "get_candles", "GET", "/markets/candles", user=TRADER, query=query | {"interval": "1h", "limit": 3}
    )
    assert len(candles.json["items"]) == 3


def test_candles_of_a_span_name_the_open_one(wallet: str, invoke: Invoke) -> None:
    def ask(**asked: object) -> Any:
        query = {"user_wallet_id": wallet, "symbol": "BTC/USDT", **asked}
        return invoke("get_candles", "GET", "/markets/candles", user=TRADER, query=query)

    span = {"from": "2026-03-01", "to": "2026-03-01T06:30:00+01:00"}
    shown = ask(interval="15m", limit=1000, **span).json
    starts = [item["start"] for item in shown["items"]]
    assert (starts[0], starts[-1], len(starts)) == ("2026-03-01T00:00:00Z", "2026-03-01T05:15:00Z", 22)
    assert (shown["covers_from"], shown["covers_to"]) == ("2026-03-01T00:00:00Z", "2026-03-01T05:30:00Z")
    assert [item["start"] for item in ask(interval="15m", limit=2, **span).json["items"]] == starts[:2]
    assert [item["is_open"] for item in ask(interval="1d", limit=2).json["items"]] == [False, False]
    assert [item["is_open"] for item in ask(interval="1d", limit=2, include_open=True).json["items"]] == [False, True]
    for name, value in (("interval", "2h"), ("limit", 1001), ("limit", 0), ("include_open", "some"), ("from", "noon")):
        refused = ask(**{name: value})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, name), refused.text


def test_tickers_are_shown_in_the_order_asked_for(wallet: str, invoke: Invoke) -> None:
    def ask(symbols: str) -> Any:
        query = {"user_wallet_id": wallet, "symbols": symbols}
        return invoke("get_ticker", "GET", "/markets/ticker", user=TRADER, query=query)

    shown = ask("ETH/USDT,BTC/USDT,ETH/USDT").json
    assert [item["symbol"] for item in shown["items"]] == ["ETH/USDT", "BTC/USDT"]
    assert shown["failed"] == []
    for item in shown["items"]:
        low, last, high = (Decimal(item[name]) for name in ("low", "last", "high"))
        assert low <= last <= high
        assert Decimal(item["bid"]) < last < Decimal(item["ask"])
    unknown = ask("BTC/USDT,ethusdt")
    assert (unknown.status, unknown.json["code"], unknown.json["nearest"]) == (422, "INVALID_SYMBOL", "ETH/USDT")
    for symbols in ("BTC/USDT,", ",".join(f"A{number}/USDT" for number in range(51)), "BTC/USDT," + "A" * 41):
        refused = ask(symbols)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "symbols"), refused.text


def test_other_users_get_404(wallet: str, invoke: Invoke) -> None:
    for name, method, path, query in (
        ("get_balance", "GET", "balance", ""),
        ("list_orders", "GET", "orders", ""),
        ("cancel_orders", "DELETE", "orders", "all=true"),
    ):
        assert invoke(name, method, f"/wallets/{wallet}/{path}", user=STRANGER, query=query).status == 404


@pytest.fixture
def resting(wallet: str, invoke: Invoke) -> dict[str, str]:
    """Open orders of the wallet: their ids by symbol."""
    prices = {"BTC/USDT": "10000", "ETH/USDT": "1000"}
    return {
        symbol: str(place(invoke, wallet, symbol=symbol, type="limit", amount="0.01", price=price)["order_id"])
        for symbol, price in prices.items()
    }


@pytest.mark.parametrize(
    "query",
    [
        *("", "all=false", "all=true&symbol=BTC%2FUSDT", "symbols=ETH%2FUSDT", "Symbol=ETH%2FUSDT", "symbol=", "all="),
        *("symbol=BTC%2FUSDT&symbol=ETH%2FUSDT", "all=true&all=true", "ALL=true", "all=everything", "all=true&force=1"),
    ],
)
def test_cancel_that_does_not_say_which_orders_cancels_none(
    wallet: str, resting: dict[str, str], invoke: Invoke, query: str
) -> None:
    refused = invoke("cancel_orders", "DELETE", f"/wallets/{wallet}/orders", user=TRADER, query=query)

    assert refused.status == 422
    assert refused.json["code"] == "VALIDATION_ERROR"
    shown = invoke("list_orders", "GET", f"/wallets/{wallet}/orders", user=TRADER, query="status=open").json["items"]
    assert {order["order_id"] for order in shown} == set(resting.values())


def test_cancel_takes_one_symbol_or_all(wallet: str, resting: dict[str, str], invoke: Invoke) -> None:
    path = f"/wallets/{wallet}/orders"
    bare = invoke("cancel_orders", "DELETE", path, user=TRADER)
    assert bare.status == 422
    assert [error["field"] for error in bare.json["errors"]] == ["symbol"]
    one = invoke("cancel_orders", "DELETE", path, user=TRADER, query="symbol=ETH%2FUSDT&all=false").json["cancelled"]
    assert [order["order_id"] for order in one] == [resting["ETH/USDT"]]

    # The hint of the refusal is a request that works.
    assert "?all=true" in bare.json["hint"]
    rest = invoke("cancel_orders", "DELETE", path, user=TRADER, query="all=true").json["cancelled"]
    assert [order["order_id"] for order in rest] == [resting["BTC/USDT"]]
