"""Hints name a next step that works in the state that they are given in, with its route."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.api import DOCUMENT, World
from tests.support.lambdas import TRADER, Answer, call, http_event, invoke
from tests.support.wallets import create, new_wallet

pytestmark = pytest.mark.usefixtures("world")
ROUTES = {
    (method.upper(), re.sub(r"\{\w+\}", "{}", path))
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
}


def order(wallet: str, **fields: Any) -> Answer:
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", **fields}
    return invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=TRADER, body=body)


def steps(hint: str) -> list[tuple[str, str]]:
    """Return the routes that a hint names."""
    named = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]*)", hint)
    return [(method, "/api/v1" + re.sub(r"\{\w+\}", "{}", path).rstrip("/")) for method, path in named]


def assert_leads_somewhere(answer: Answer) -> str:
    hint = str(answer.json["hint"])
    assert steps(hint), hint
    assert set(steps(hint)) <= ROUTES, hint
    return hint


def test_amount_is_not_to_be_lowered_when_none_passes() -> None:
    wallet = create(invoke, user=TRADER)["id"]
    assert order(wallet, side="sell", amount="0.01").json["suggested_amount"] == "0"
    hint = assert_leads_somewhere(order(wallet, side="sell", amount="0.01"))
    assert "Lower the amount" not in hint

    limits = {"max_position_size_usd": "0.1"}
    invoke("update_wallet", "PATCH", f"/wallets/{wallet}", user=TRADER, body={"risk_limits": limits})
    refused = order(wallet, amount="0.01")
    assert (refused.json["code"], refused.json["suggested_amount"]) == ("RISK_LIMIT_EXCEEDED", "0")
    assert "Lower the amount" not in assert_leads_somewhere(refused)


def test_amount_is_to_be_lowered_when_less_passes() -> None:
    refused = order(create(invoke, user=TRADER)["id"], amount="0.1")

    assert refused.status == 422
    assert float(refused.json["suggested_amount"]) > 0
    assert "Lower the amount" in refused.json["hint"]


def test_order_is_found_by_the_id_that_the_client_chose(world: World) -> None:
    path = f"/wallets/{world.ids['user_wallet_id']}/orders/my-order-1"
    missing = invoke("get_order", "GET", path, user=TRADER)

    assert missing.status == 404
    assert "client_order_id" in assert_leads_somewhere(missing)


def test_date_is_a_time_where_a_day_is_meant(world: World) -> None:
    wallet = world.ids["user_wallet_id"]
    for function, route in (("list_trades", "trades"), ("get_equity", "equity")):
        for query, status in (
            ({"from": "2026-11-29"}, 200 if function == "list_trades" else None),
            ({"from": "2026-02-30"}, 422),
            ({"from": "2026-11-29T12:00:00"}, 422),
            ({"from": "1764417600"}, 422),
        ):
            answer = call(function, http_event("GET", f"/wallets/{wallet}/{route}", user=TRADER, query=query))
            assert status is None or answer.status == status, (query, answer.text)
            if answer.status == 422:
                assert "timezone info" not in answer.text
        asked = {"from": "2020-01-01", "to": "2020-01-03"}
        found = call(function, http_event("GET", f"/wallets/{wallet}/{route}", user=TRADER, query=asked))
        assert found.status == 200, found.text


@pytest.mark.parametrize(
    ("function", "method", "body"),
    [("create_wallet", "POST", new_wallet(color="red")), ("create_wallet", "POST", new_wallet())],
)
def test_pattern_is_told_in_a_sentence(function: str, method: str, body: dict[str, Any]) -> None:
    headers = {} if "color" in body else {"Idempotency-Key": "a b"}
    refused = invoke(function, method, "/wallets", user=TRADER, body=body, headers=headers)

    assert refused.status == 422
    [error] = refused.json["errors"]
    assert error["code"] == "string_pattern_mismatch"
    assert "for example" in error["message"]
    assert "pattern" not in error["message"]
