"""Every route of the template refuses a query parameter that it does not know, or that is repeated or empty.

The parameters of a route are those of the OpenAPI document. Requests reach the handlers as the events that the gateway
sends, where ``queryStringParameters`` joins a repeated parameter with commas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
import requests
from schemathesis import Response

from tests.fuzz.gateway import BASE_URL, Gateway
from tests.support.api import OPERATIONS, World
from tests.support.lambdas import ADMIN, TRADER, Answer, call, http_event
from tests.support.stack import routes

FOR_ADMINS = {operation.id for operation in OPERATIONS if operation.is_for_admins}
GATEWAY = Gateway()
EXAMPLES = {"limit": "5", "force": "false", "is_demo": "true", "symbol": "BTC/USDT", "interval": "1h", "format": "json"}


class Called(NamedTuple):
    """A route of the template: its function, its method, its path, and the query parameters that it takes."""

    function: str
    method: str
    path: str
    names: tuple[str, ...]


def all_routes() -> Iterator[Called]:
    """Yield the routes of the template. The pages of the documentation are not in the document, and take nothing."""
    for function, key, _ in routes():
        method, path = key.split(" ")
        described = next((each for each in OPERATIONS if (each.method, each.path) == (method, path)), None)
        yield Called(function, method, path, tuple(sorted(described.parameters("query"))) if described else ())


ROUTES = tuple(all_routes())


def every_route(*chosen: Called) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", chosen, ids=[f"{route.method} {route.path}" for route in chosen])


def send(world: World, route: Called, query: str) -> Response:
    """Send a request through the gateway as a user who may make it. Its body is the example of the document."""
    ids = {**world.ids, "file": "start.js"}
    path = route.path.format_map({name: quote(value, safe="") for name, value in ids.items()})
    operation = next((each for each in OPERATIONS if each.id == route.function), None)
    body = operation.body if operation is not None else None
    user = ADMIN if route.function in FOR_ADMINS else TRADER
    request = requests.Request(route.method, f"{BASE_URL}{path}?{query}", json=body)
    sent = GATEWAY.send(request.prepare(), user, "203.0.113.7")
    assert sent.function == route.function
    return sent.response


def refused(answer: Response, *codes: str) -> list[dict[str, str]]:
    assert answer.status_code == 422, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == "VALIDATION_ERROR"
    assert [error["code"] for error in problem["errors"]] == list(codes), problem
    found: list[dict[str, str]] = problem["errors"]
    return found


def test_every_route_of_the_template_is_tried_here() -> None:
    assert len(ROUTES) > 40
    assert {route.function for route in ROUTES} == {operation.id for operation in OPERATIONS} | {"get_docs"}
    assert {name for route in ROUTES for name in route.names} >= {
        "symbol",
        "limit",
        "cursor",
        "force",
        "from",
        "format",
    }


def test_every_operation_documents_the_refusal() -> None:
    """A route that takes no parameters refuses those that it gets, too."""
    assert [operation.id for operation in OPERATIONS if 422 not in operation.statuses] == []


@every_route(*ROUTES)
def test_unknown_parameter_is_refused_with_the_names_that_the_route_takes(world: World, route: Called) -> None:
    before = world.contents()
    for name in ("skip", "page", "surprise", "symbolz", "X-Amz-Date", "$where", "a" * 300, "%00", "%ED%A0%80", ""):
        answer = send(world, route, f"{name}=1")
        refused(answer, "parameter_unknown")
        takes = ", ".join(route.names) if route.names else "no query parameters"
        assert f"{route.method} {route.path} takes" in answer.json()["hint"]
        assert takes in answer.json()["hint"]
        assert "a" * 200 not in answer.text
    refused(send(world, route, "surprise"), "parameter_unknown")
    refused(send(world, route, "one=1&two=2"), "parameter_unknown", "parameter_unknown")
    assert world.contents() == before


@every_route(*[route for route in ROUTES if route.names])
def test_misspelt_parameter_is_told_the_nearest_known_one(world: World, route: Called) -> None:
    before = world.contents()
    for name in route.names:
        for asked in (f"{name}s", name.upper(), name.capitalize(), f"{name}[]", f"_{name}", f"{name}%20"):
            [error] = refused(send(world, route, f"{asked}=1"), "parameter_unknown")
            assert f"The nearest known parameter is {name}." in error["message"], (asked, error)
        [error] = refused(send(world, route, f"{name.upper()}=1"), "parameter_unknown")
        assert error["field"] == name.upper()
    assert world.contents() == before


@every_route(*[route for route in ROUTES if route.names])
def test_repeated_or_empty_parameter_is_refused_by_name(world: World, route: Called) -> None:
    before = world.contents()
    for name in route.names:
        value = urlencode({name: EXAMPLES.get(name, "x")})
        for query in (f"{value}&{value}", f"{value}&{name}=other", f"{name}=&{value}"):
            [error] = refused(send(world, route, query), "parameter_repeated")
            assert error["field"] == name
        for query in (f"{name}=", name, f"{name}=%20", f"{name}=+"):
            [error] = refused(send(world, route, query), "parameter_empty")
            assert error["field"] == name
    assert world.contents() == before


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("function", "path", "asked", "known"),
    [
        ("list_orders", "/wallets/W/orders", "page", "cursor"),
        ("list_orders", "/wallets/W/orders", "per_page", "limit"),
        ("list_orders", "/wallets/W/orders", "pair", "symbol"),
        ("list_trades", "/wallets/W/trades", "since", "from"),
        ("list_trades", "/wallets/W/trades", "until", "to"),
        ("list_definitions", "/wallets/definitions", "supported_market", "market"),
    ],
)
def test_names_of_other_services_lead_to_ours(function: str, path: str, asked: str, known: str) -> None:
    answer = call(function, http_event("GET", path, user=TRADER, query={asked: "2"}))

    assert answer.status == 422
    assert f"The nearest known parameter is {known}." in answer.json["errors"][0]["message"]


@pytest.mark.usefixtures("world")
def test_many_unknown_parameters_are_refused_in_short() -> None:
    query = "&".join(f"k{number}=1" for number in range(2000))

    answer = call("get_health", http_event("GET", "/health", query=query))

    assert (answer.status, len(answer.json["errors"]), answer.json["error_count"]) == (422, 20, 2000)
    assert len(answer.text) < 5000


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("joined", "status"), [({"limit": "1"}, 200), ({"limit": "1,2"}, 422), ({"limits": "1"}, 422), (None, 200)]
)
def test_event_without_a_raw_query_string_is_read_from_its_parameters(
    joined: dict[str, str] | None, status: int
) -> None:
    event = http_event("GET", "/wallets", user=TRADER)
    del event["rawQueryString"]
    event["queryStringParameters"] = joined

    assert call("list_wallets", event).status == status


@pytest.mark.usefixtures("world")
def test_caller_without_a_token_learns_nothing_about_parameters() -> None:
    event = http_event("GET", "/wallets", query={"surprise": "1"})

    assert call("list_wallets", event).status == 401


LISTS = {"list_orders": "orders", "list_trades": "trades", "get_equity": "equity"}
"""The operations that take ``from`` and ``to``, and the ends of their paths."""
NO_TIMES = (
    *("5", "-1", "1e9", "0.5", "1769860800", "1769860800000", "today", "P1D", "12:00:00", "2026-01-31T12:00:00"),
    *("2026-01-31T12:00Z", "20260131T120000Z", "2026-W05-6T12:00:00Z", "2026-01-31T24:00:00Z", "2026-02-30"),
    *("2026-01-31T12:00:00+02:00", "2026-01-31T12:00:00%2B25:00", "2026-01-31T12:00:00%2B02:99", "2026-1-31"),
    *("%D9%A2026-01-31", "2026-01-31T12:00:00Z%00", "2026-01-31%0A", "0000-01-01"),
)


def bounded(operation: str, world: World, query: str) -> Answer:
    path = f"/wallets/{world.ids['user_wallet_id']}/{LISTS[operation]}"
    return call(operation, http_event("GET", path, user=TRADER, query=query))


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("name", ["from", "to"])
def test_bound_that_is_no_time_is_refused(world: World, operation: str, name: str) -> None:
    for text in NO_TIMES:
        answer = bounded(operation, world, f"{name}={text}")
        assert answer.status == 422, (text, answer.text)
        [error] = answer.json["errors"]
        assert (error["field"], error["code"]) == (name, "timestamp_format"), (text, error)
        assert "%2B" in error["message"]


@pytest.mark.parametrize("operation", LISTS)
def test_date_bounds_a_list_at_midnight_utc(world: World, operation: str) -> None:
    midnights = ("2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31t02:00:00.000%2B02:00", "2026-01-30%2019:00:00-05:00")
    answers = [bounded(operation, world, f"from={text}&to=2026-02-01") for text in midnights]

    assert [answer.status for answer in answers] == [200] * 4, answers[0].text
    assert {answer.text for answer in answers} == {answers[0].text}
