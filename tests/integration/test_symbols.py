"""Symbols that a wallet cannot trade: refused everywhere, with the nearest one that it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from moniqo_core import event_loop
from tests.conftest import Database
from tests.support import wallets
from tests.support.lambdas import TRADER, Answer, Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.wallets import aws

__all__ = ["aws"]

FILTERS = {
    "list_orders": ("GET", "orders"),
    "list_trades": ("GET", "trades"),
    "cancel_orders": ("DELETE", "orders"),
}
COMMANDS = {"close_position": ("POST", "positions/close")}
MARKETS = {"get_price": "price", "get_book": "book", "get_candles": "candles"}
EVERYWHERE = [*FILTERS, *COMMANDS, *MARKETS]
MISSPELT = {
    "BTCUSDT": "BTC/USDT",
    "btc/usdt": "BTC/USDT",
    "BTC-USDT": "BTC/USDT",
    "BTC USDT": "BTC/USDT",
    "eth_usdt": "ETH/USDT",
    "ETH/UDST": "ETH/USDT",
    "ETHUSD": "ETH/USDT",
}


@pytest.fixture
def wallet(seeded: Database, invoke: Invoke) -> str:
    """A demo wallet without orders."""
    return str(wallets.create(invoke)["id"])


@pytest.fixture
def live(aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke) -> Iterator[LiveHarness]:
    """A live wallet without orders."""
    with live_deployment(environment) as venue:
        yield connect_live_wallet(venue, invoke, seeded)


def ask(invoke: Invoke, wallet: str, function: str, symbol: str) -> Answer:
    """Name a symbol in a request of a function that takes one."""
    if function in MARKETS:
        query = {"symbol": symbol, "user_wallet_id": wallet}
        return invoke(function, "GET", f"/markets/{MARKETS[function]}", user=TRADER, query=query)
    method, path = (FILTERS | COMMANDS)[function]
    return invoke(function, method, f"/wallets/{wallet}/{path}", user=TRADER, query={"symbol": symbol})


def place(invoke: Invoke, wallet: str, symbol: str, function: str = "place_order", path: str = "orders") -> Answer:
    body = {"symbol": symbol, "side": "buy", "type": "market", "amount": "0.01"}
    return invoke(function, "POST", f"/wallets/{wallet}/{path}", user=TRADER, body=body)


def assert_refused(answer: Answer, nearest: str | None) -> None:
    assert answer.status == 422, answer.text
    problem = answer.json
    assert problem["code"] == "INVALID_SYMBOL"
    assert problem.get("nearest") == nearest
    assert nearest is None or f"The nearest symbol is {nearest}." in problem["detail"]
    assert "GET /markets?user_wallet_id=" in problem["hint"]


@pytest.mark.parametrize("function", EVERYWHERE)
def test_misspelt_symbol_is_refused_with_the_nearest(wallet: str, invoke: Invoke, function: str) -> None:
    for symbol, nearest in MISSPELT.items():
        assert_refused(ask(invoke, wallet, function, symbol), nearest)


def test_order_of_a_misspelt_symbol_is_refused_with_the_nearest(wallet: str, invoke: Invoke) -> None:
    for symbol, nearest in MISSPELT.items():
        assert_refused(place(invoke, wallet, symbol), nearest)
        checked = place(invoke, wallet, symbol, "preflight_order", "orders/preflight").json
        assert not checked["would_pass"]
        [failed] = [rule for rule in checked["rules"] if rule["rule"] == "symbol"]
        assert f"The nearest symbol is {nearest}." in failed["detail"]


@pytest.mark.parametrize("function", EVERYWHERE)
def test_symbol_like_no_other_is_refused_without_a_guess(wallet: str, invoke: Invoke, function: str) -> None:
    for symbol in ("QQQQ/ZZZZ", "x" * 40, "\u202e\u202e\u202e", "{$ne:1}"):
        assert_refused(ask(invoke, wallet, function, symbol), None)


@pytest.mark.parametrize("function", FILTERS)
def test_symbol_that_the_wallet_can_trade_is_accepted_without_orders(
    wallet: str, invoke: Invoke, function: str
) -> None:
    answer = ask(invoke, wallet, function, "ETH/USDT")

    assert answer.status == 200
    assert not answer.json.get("items", answer.json.get("cancelled"))


def test_share_is_not_offered_to_a_wallet_of_tokens(wallet: str, invoke: Invoke) -> None:
    """The simulated market has shares too, which this wallet cannot trade."""
    for function in MARKETS:
        nearest = ask(invoke, wallet, function, "AAPLUSD").json.get("nearest")
        assert nearest != "AAPL/USD"


@pytest.mark.parametrize("function", EVERYWHERE)
def test_live_wallet_names_the_nearest_symbol_of_its_venue(live: LiveHarness, invoke: Invoke, function: str) -> None:
    assert_refused(ask(invoke, live.wallet, function, "BTCUSDT"), "BTC/USDT")


@pytest.mark.parametrize("function", FILTERS)
def test_filter_accepts_a_paused_market_that_a_live_wallet_never_traded(
    live: LiveHarness, invoke: Invoke, function: str
) -> None:
    live.pause_market("BREAK")

    answer = ask(invoke, live.wallet, function, "BTC/USDT")

    assert answer.status == 200, answer.text
    assert_refused(ask(invoke, live.wallet, function, "BTCUSDT"), "BTC/USDT")


@pytest.mark.parametrize("function", FILTERS)
def test_filter_accepts_what_a_live_wallet_once_traded(live: LiveHarness, invoke: Invoke, function: str) -> None:
    """The venue has taken the symbol from its list since."""
    order = live.place().json["order_id"]
    assert live.cancel(order).status == 200
    traded: dict[str, Any] = {"symbol": "OLD/USDT", "request.symbol": "OLD/USDT"}
    event_loop.run(live.database.orders.update_many({}, {"$set": traded}))

    assert ask(invoke, live.wallet, function, "OLD/USDT").status == 200
    assert ask(invoke, live.wallet, function, "OLDUSDT").status == 422
