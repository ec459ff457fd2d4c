"""A client that polls pays for changes only, and never misses one."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import pytest

from moniqo_core import bootstrap
from tests.conftest import Database
from tests.support.engine import Engine, clock, engine
from tests.support.lambdas import Answer, Invoke
from tests.support.live_harness import connect_live_wallet, live_deployment
from tests.support.round_trips import round_trips
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

_TIMES_OF_READ = re.compile(r'"(as_of|evaluated_until)":"[^"]*"')


@pytest.mark.parametrize(("function", "rest"), [("get_balance", "/balance"), ("list_positions", "/positions")])
def test_tag_stays_the_same_within_a_price_step(engine: Engine, function: str, rest: str) -> None:
    wallet = engine.create()
    view = View(function, f"/wallets/{wallet}{rest}")
    engine.place(wallet, amount="0.1")
    engine.clock.forward(seconds=10)  # 17:00:15 begins a step
    first = poll(engine, view)
    engine.clock.forward(seconds=3.7)
    later = poll(engine, view)
    assert later.json["as_of"] > first.json["as_of"]
    assert later.headers["etag"] == first.headers["etag"]
    assert first.headers["etag"].startswith('W/"')
    engine.place(wallet, amount="0.1")
    bought = poll(engine, view, [first.headers["etag"]])
    assert (bought.status, bought.json["as_of"][:21]) == (200, "2026-03-02T17:00:18.7")
    engine.clock.forward(seconds=11.3)
    assert poll(engine, view, [bought.headers["etag"]]).status == 200


def test_answer_that_stopped_short_of_now_has_the_tag_of_its_fields(engine: Engine) -> None:
    """The next read evaluates further and may show something else within the same step."""
    wallet = engine.create()
    engine.place(wallet, amount="0.1")
    engine.clock.forward(days=400)
    answer = poll(engine, View("get_balance", f"/wallets/{wallet}/balance"))
    assert answer.json["stale"]
    assert answer.headers["etag"].startswith('W/"b-')


def test_positions_in_shares_keep_their_tag_while_the_market_is_closed(engine: Engine) -> None:
    wallet = engine.create(wallet_id="demo-stocks-v1")
    engine.place(wallet, symbol="AAPL/USD", amount="3")
    engine.clock.forward(hours=8, seconds=10)
    view = View("list_positions", f"/wallets/{wallet}/positions")
    poll(engine, view)  # a read that commits what it evaluated has the tag of its fields
    tag = poll(engine, view).headers["etag"]
    engine.clock.forward(seconds=3.7)
    assert poll(engine, view, [tag]).status == 304


def test_live_balance_keeps_its_tag_while_the_venue_reports_the_same(
    environment: pytest.MonkeyPatch, invoke: Invoke, database: Database
) -> None:
    with live_deployment(environment, keeps_prices=False) as venue:
        live = connect_live_wallet(venue, invoke, database, balances={"USDT": "10000", "BTC": "0.1"})

        def read(tag: str = "") -> Answer:
            return invoke("get_balance", "GET", f"{live.path}/balance", user=live.user, headers={"if-none-match": tag})

        tag = read().headers["etag"]
        assert tag.startswith('W/"b-')
        assert read(tag).status == 304
        live.price("BTC/USDT", "61234")
        assert read(tag).status == 200


def test_unchanged_wallet_costs_one_read(engine: Engine) -> None:
    """The position would else be walked from the last commit on, which is most of an hour here."""
    wallet = engine.create()
    order = engine.place(wallet, amount="0.1")["order_id"]
    engine.clock.forward(minutes=55)
    for view in views(wallet, order)[1:]:
        tag = poll(engine, view).headers["etag"]
        with round_trips() as seen:
            again = poll(engine, view, [tag])
        assert (again.status, seen) == (304, ["aggregate"]), view


@pytest.mark.parametrize("place", range(1, 5))
def test_fill_of_an_open_order_is_seen_by_the_poll_itself(engine: Engine, place: int) -> None:
    wallet = engine.create()
    order = engine.place(wallet, type="limit", amount="0.001", price=engine.away("-0.0005"))["order_id"]
    view = views(wallet, order)[place]
    tag = poll(engine, view).headers["etag"]
    assert poll(engine, view, [tag]).status == 304
    engine.clock.forward(hours=20)
    assert poll(engine, view, [tag]).status == 200
    assert engine.order(wallet, order)["status"] == "filled"


def test_new_release_gives_new_tags(engine: Engine, environment: pytest.MonkeyPatch) -> None:
    wallet = engine.create()
    tag = poll(engine, View("get_balance", f"/wallets/{wallet}/balance")).headers["etag"]
    environment.setenv("AWS_LAMBDA_FUNCTION_VERSION", "7")
    bootstrap.settings.cache_clear()
    assert poll(engine, View("get_balance", f"/wallets/{wallet}/balance"), [tag]).status == 200


def test_equal_tags_mean_equal_answers_whatever_happens(engine: Engine, seed: int) -> None:
    """Send all tags ever seen with each poll. 304 must name the tag of what a fresh read then shows."""
    chance = random.Random(seed)
    wallet = engine.create()
    order = engine.place(wallet, amount="0.1")["order_id"]
    seen: dict[View, dict[str, str]] = {view: {} for view in views(wallet, order)}
    unchanged = 0
    for _ in range(24):
        happen(engine, wallet, chance)
        for view in chance.choices(list(seen), k=3):
            known = seen[view]
            answer = poll(engine, view, known)
            fresh = poll(engine, view)
            tag = answer.headers["etag"]
            shown = known[tag] if answer.status == 304 else compared(answer)
            assert shown == compared(fresh), (view, answer.status)
            assert known.setdefault(tag, shown) == shown
            assert known.setdefault(fresh.headers["etag"], shown) == shown
            unchanged += answer.status == 304
    assert unchanged


class View(NamedTuple):
    """A view that clients poll."""

    function: str
    path: str
    query: str = ""


def views(wallet: str, order: str) -> list[View]:
    path = f"/wallets/{wallet}"
    plain = [("get_wallet", ""), ("get_balance", "/balance"), ("list_positions", "/positions")]
    orders = View("list_orders", path + "/orders")
    return [
        *(View(function, path + rest) for function, rest in plain),
        View("get_order", f"{path}/orders/{order}"),
        orders,
        orders._replace(query="status=closed&limit=2"),
    ]


def poll(engine: Engine, view: View, known: Iterable[str] = ()) -> Answer:
    sent = {"if-none-match": ", ".join(known)}
    answer = engine.invoke(view.function, "GET", view.path, user=engine.user, query=view.query, headers=sent)
    assert answer.status in {200, 304}, answer.text
    return answer


def compared(answer: Answer) -> str:
    """Return the answer without what its weak tag leaves out."""
    weak = answer.headers["etag"].startswith("W/")
    return _TIMES_OF_READ.sub("", answer.text) if weak else answer.text


def happen(engine: Engine, wallet: str, chance: random.Random) -> None:
    """Let some time pass, and perhaps something happen to the wallet."""
    span = chance.choice((0, 1, 4, 8, 15, 20, 60, 4000, 90_000))
    engine.clock.forward(milliseconds=span * chance.randrange(1000, 2000))
    match chance.randrange(10):
        case 0:
            engine.try_to_place(wallet, amount="0.01", side=chance.choice(("buy", "sell")))
        case 1:
            engine.try_to_place(wallet, type="limit", amount="0.002", price=engine.away("-0.0003"))
        case 2:
            soon = (engine.clock.now + timedelta(seconds=20)).isoformat()
            rest = {"type": "limit", "amount": "0.02", "price": engine.away("-0.05")}
            engine.try_to_place(wallet, **rest, time_in_force="GTD", expires_at=soon)
        case 3:
            engine.ask("cancel_orders", "DELETE", wallet, "/orders", query="all=true")
        case 4:
            engine.ask("pause_wallet", "POST", wallet, "/pause", body={"reason": "lunch"})
            engine.ask("resume_wallet", "POST", wallet, "/resume", body={"confirm": True})
        case _:
            pass
