"""``GET /orders``: one list over all wallets of a user, newest first, that no wallet can take down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.clock import rfc3339
from moniqo_core.http.pagination import encode_cursor
from moniqo_core.storage.paper.orders import newest_of_wallets
from tests.conftest import Database, Run
from tests.support.engine import NOON, Clock, Engine, clock, engine
from tests.support.lambdas import STRANGER, Answer
from tests.support.round_trips import round_trips
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")
D = Decimal

Place = tuple[str, str]
"""A wallet and an order of it."""


def ask(engine: Engine, **query: object) -> Answer:
    return engine.invoke("list_all_orders", "GET", "/orders", user=engine.user, query=query)


def get(engine: Engine, **query: object) -> dict[str, Any]:
    answer = ask(engine, **query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def pages(engine: Engine, **query: object) -> Iterator[list[Place]]:
    """Read page after page, and yield which orders each one has."""
    cursor: str | None = ""
    while cursor is not None:
        page = get(engine, **query, **({"cursor": cursor} if cursor else {}))
        assert page["failed"] == []
        yield places(page)
        cursor = page["next_cursor"]


def places(page: dict[str, Any]) -> list[Place]:
    return [(order["user_wallet_id"], order["order_id"]) for order in page["items"]]


def expected(engine: Engine, *wallets: str, **query: object) -> list[dict[str, Any]]:
    """Return the orders of each wallet's own list, sorted newest first."""
    lists = [engine.get("list_orders", wallet, "/orders", limit=100, **query)["items"] for wallet in wallets]
    return sorted((order for items in lists for order in items), key=age, reverse=True)


def age(order: dict[str, Any]) -> tuple[str, str, int, int]:
    _, seq, number = order["order_id"].split("-")
    return order["created_at"], order["user_wallet_id"], int(seq), int(number)


@pytest.fixture
def traded(engine: Engine, clock: Clock) -> list[str]:
    """Three wallets whose orders alternate in time. Some have one and the same time, and some have exits."""
    wallets = [engine.create() for _ in range(3)]
    engine.place(wallets[1], amount="0.1")
    for number in range(4):
        for wallet in wallets:
            engine.place(wallet, amount="0.1", stop_loss={"percent": "20"}, take_profit={"percent": "20"})
            if number % 2:
                clock.forward(seconds=20)
        engine.place(wallets[number % 3], type="limit", amount="0.1", price="20000", client_order_id="mine")
        engine.place(wallets[0], symbol="ETH/USDT", side="buy", amount="1")
        sale = engine.place(wallets[1], side="sell", amount="0.01", type="trailing_stop", trail_percent="20")
        if number == 2:
            assert engine.ask("cancel_order", "DELETE", wallets[1], f"/orders/{sale['order_id']}").status == 200
    return wallets


def test_pages_over_wallets_neither_skip_nor_repeat(engine: Engine, traded: list[str]) -> None:
    for query in ({}, {"status": "open"}, {"status": "closed"}):
        wanted = expected(engine, *traded, **query)
        assert len({order["created_at"] for order in wanted}) < len(wanted)
        for limit in (1, 7, 100):
            found = list(pages(engine, limit=limit, **query))
            assert [place for page in found for place in page] == places({"items": wanted})
            assert {len(page) for page in found[:-1]} <= {limit}


FILTERS: list[dict[str, object]] = [
    {"side": "sell"},
    {"type": "take_profit"},
    {"type": "trailing_stop", "status": "closed"},
    {"symbol": "ETH/USDT"},
    {"client_order_id": "mine"},
    {"from": rfc3339(NOON + timedelta(seconds=60))},
    {"to": rfc3339(NOON + timedelta(seconds=61)), "status": "open", "symbol": "BTC/USDT"},
]


def test_filters_are_those_of_one_wallet(engine: Engine, traded: list[str]) -> None:
    for query in FILTERS:
        wanted = expected(engine, *traded, **query)
        assert wanted, query
        assert get(engine, limit=100, **query) == {"items": wanted, "next_cursor": None, "failed": []}
        assert [place for page in pages(engine, limit=2, **query) for place in page] == places({"items": wanted})
    assert get(engine, client_order_id="nobody's")["items"] == []


def test_filters_hold_where_entries_touch_many_older_orders(
    engine: Engine, traded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing a position touches sells that older entries accepted. Each step reads few entries of two wallets."""
    few = {"FEWEST": 2, "FEWEST_OF_EACH": 1, "FEWEST_FOUND": 1, "BY_ID_AT_ONCE": 2, "BY_INDEX_AT_ONCE": 2}
    for name, value in few.items():
        monkeypatch.setattr(newest_of_wallets, name, value)
    for wallet in traded:
        closing = {"symbol": "BTC/USDT"}
        assert engine.ask("close_position", "POST", wallet, "/positions/close", query=closing).status == 201
        engine.place(wallet, amount="0.1")
    queries: list[dict[str, object]] = [
        {},
        *FILTERS,
        {"type": "stop_loss"},
        {"type": "take_profit", "status": "closed"},
    ]
    for query in queries:
        wanted = expected(engine, *traded, **query)
        assert [place for page in pages(engine, limit=3, **query) for place in page] == places({"items": wanted})


def test_orders_and_wallets_that_come_between_two_pages_move_nothing(engine: Engine, traded: list[str]) -> None:
    wanted = places({"items": expected(engine, *traded)})
    reading = pages(engine, limit=5)
    seen = next(reading)
    for page in reading:
        engine.place(engine.create(), amount="0.01")
        engine.place(traded[0], amount="0.01")
        seen += page
    assert seen == wanted


def test_answer_shows_each_order_as_its_own_wallet_does(engine: Engine, clock: Clock, traded: list[str]) -> None:
    engine.place(traded[2], amount="0.1")
    stop = engine.place(traded[2], side="sell", amount="0.1", type="stop_loss", stop_price=engine.away("-0.0002"))
    shown: dict[Place, dict[str, Any]] = {}
    while clock.now < NOON + timedelta(days=30):
        clock.forward(hours=6)
        shown = {(order["user_wallet_id"], order["order_id"]): order for order in get(engine, limit=100)["items"]}
        if shown[traded[2], stop["order_id"]]["status"] != "open":
            break
    assert shown[traded[2], stop["order_id"]]["status"] == "filled"
    for (wallet, order_id), order in shown.items():
        assert order == engine.order(wallet, order_id)


def test_round_trips_grow_with_the_wallets_on_the_page_alone(engine: Engine, clock: Clock, traded: list[str]) -> None:
    def trips(**query: object) -> list[str]:
        with round_trips() as seen:
            get(engine, **query)
        return seen

    idle = [engine.create() for _ in range(6)]
    for wallet in idle:
        engine.place(wallet, amount="0.1", stop_loss={"percent": "20"})
    clock.forward(seconds=20)
    engine.place(traded[1], amount="0.01", stop_loss={"percent": "20"}, take_profit={"percent": "20"})

    # A page of two reads three orders, to tell whether another page follows.
    assert trips(limit=2) == ["find", "aggregate", "find", "find"]
    assert trips(limit=1, status="open") == ["find", "aggregate", "find"]
    assert trips(limit=100) == ["find", "aggregate", "find"] + ["find"] * (len(idle) + len(traded))


def test_only_own_wallets_that_exist_are_listed(engine: Engine, traded: list[str]) -> None:
    stranger = Engine(engine.invoke, engine.clock, engine.run, STRANGER)
    assert get(stranger) == {"items": [], "next_cursor": None, "failed": []}
    foreign = stranger.create()
    stranger.place(foreign, amount="0.1")
    assert {place[0] for place in places(get(stranger))} == {foreign}
    assert engine.ask("delete_wallet", "DELETE", traded[0], "", query={"force": "true"}).status == 204
    assert {place[0] for place in places(get(engine, limit=100))} == set(traded[1:])


def test_symbol_that_no_wallet_knows_is_refused_with_the_nearest(engine: Engine, traded: list[str]) -> None:
    engine.create(wallet_id="demo-stocks-v1")
    refused = ask(engine, symbol="BTCUSDT")
    assert (refused.status, refused.json["code"], refused.json["nearest"]) == (422, "INVALID_SYMBOL", "BTC/USDT")
    assert refused.json["detail"] == "None of your wallets trades 'BTCUSDT'. The nearest symbol is BTC/USDT."
    assert ask(engine, symbol="QQQQ/ZZZZ").json["detail"] == "None of your wallets trades 'QQQQ/ZZZZ'."
    # One wallet trades it, although the others do not.
    assert get(engine, symbol="AAPL/USD")["items"] == []
    assert get(engine, symbol="BTC/USDT", type="stop_limit")["items"] == []


def test_user_without_wallets_may_name_any_symbol(engine: Engine) -> None:
    assert get(engine, symbol="BTC/USDT") == {"items": [], "next_cursor": None, "failed": []}


def test_cursor_of_another_list_is_refused(engine: Engine) -> None:
    engine.create()
    at = "2026-03-02T12:00:00Z"
    for values in (
        [],
        ["7", "1"],
        [at, "wallet", "7"],
        [at, "wallet", "7", "1", "1"],
        [at, "wallet", "-7", "1"],
        [at, "wallet", "7", str(2**53)],
        [at.rstrip("Z"), "wallet", "7", "1"],
        ["noon", "wallet", "7", "1"],
        ["0001-01-01T00:00:00+14:00", "wallet", "7", "1"],
    ):
        refused = ask(engine, cursor=encode_cursor(values))
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "cursor"), values


def test_wallet_that_cannot_be_read_is_named_and_hides_no_other(
    engine: Engine, traded: list[str], database: Database, run: Run
) -> None:
    whole = places(get(engine, limit=100))
    broken, unread = traded[:2]
    run(database.demo_wallet_state.update_one({"_id": broken}, {"$set": {"balances": "?"}}))
    run(database.user_wallets.update_one({"_id": unread}, {"$set": {"risk_limits": "?"}}))
    page = get(engine, limit=100)
    assert places(page) == [place for place in whole if place[0] == traded[2]]
    assert page["failed"] == [{"user_wallet_id": name, "code": "INTERNAL_ERROR"} for name in (broken, unread)]
