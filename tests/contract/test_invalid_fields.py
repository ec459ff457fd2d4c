"""Every operation with a body names the unknown field it refuses, whatever its name and however many there are."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.api import OPERATIONS, Operation, World, operations
from tests.support.lambdas import TRADER, Answer, call, http_event, invoke

WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]
VOCABULARY = ("body", "path", "query", "header", "cookie", "response", "loc", "msg", "ctx", "input", "self", "kwargs")
"""Words of the framework, which a request may use as names too."""
HUGE: tuple[Any, ...] = (["x"] * 40_000, "x" * 200_000, {"y" * 100_000: 1}, [[[[{}]]]], "9" * 100_000)
OPEN = {"credentials", "metadata", "rate_limits"}
"""Objects whose names the user chooses."""


def places_in(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where the closed objects of a body are, the body itself first."""
    if isinstance(document, Mapping):
        yield path
        for name, value in document.items():
            if name not in OPEN:
                yield from places_in(value, (*path, name))
    elif isinstance(document, list) and document:
        yield from places_in(document[0], (*path, 0))


def with_fields(operation: Operation, place: tuple[str | int, ...], fields: Mapping[str, Any]) -> Any:
    body = copy.deepcopy(operation.body)
    inner = body
    for step in place:
        inner = inner[step]
    inner |= fields
    return body


def errors_of(answer: Answer) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR"), answer
    found: list[dict[str, str]] = answer.json["errors"]
    return found


@operations(*WITH_BODY)
def test_fields_named_as_the_framework_names_things_are_refused_by_name(world: World, operation: Operation) -> None:
    before = world.contents()
    for place in places_in(operation.body):
        for name in VOCABULARY:
            answer = world.call_as(operation, body=with_fields(operation, place, {name: {name: 1}}))
            fields = [error["field"] for error in errors_of(answer)]
            assert fields == [".".join(map(str, (*place, name)))], (place, name)
    assert world.contents() == before


@operations(*[operation for operation in OPERATIONS if operation.body is None])
def test_body_of_an_operation_that_takes_none_is_refused(world: World, operation: Operation) -> None:
    before = world.contents()
    for body in (
        '{"initial_balance_usd": "50000"}',
        '{"symbol": "ETH/USDT"}',
        "[1]",
        "[]",
        "0",
        '""',
        "x",
        "{",
        "n ull",
    ):
        answer = world.call_as(operation, body=body)
        [error] = errors_of(answer)
        assert error["code"] == "body_unexpected"
        assert all(name in answer.json["hint"] for name in operation.parameters("query"))
    assert world.contents() == before


@operations(*[operation for operation in OPERATIONS if operation.body is None and operation.method == "GET"])
def test_empty_body_of_an_operation_that_takes_none_is_no_body(world: World, operation: Operation) -> None:
    for body in ("", " ", "{}", "null", "{ }", " {\r\n\t} ", "null\n"):
        assert world.call_as(operation, body=body).status == 200


@operations(*WITH_BODY)
def test_unknown_field_is_told_the_nearest_known_one(world: World, operation: Operation) -> None:
    for name in operation.body:
        for asked in (f"{name}s", name.upper(), name.replace("_", "") + "_"):
            if asked in operation.body:
                continue
            [error] = errors_of(world.call_as(operation, body={**operation.body, asked: 1}))
            assert error["code"] == "extra_forbidden"
            assert f"The nearest known field is {name}." in error["message"], (asked, error)


@operations(*WITH_BODY)
def test_answer_to_many_unknown_fields_lists_twenty_and_says_how_many(world: World, operation: Operation) -> None:
    body = {**operation.body, **{f"k{number:05}": 1 for number in range(20_000)}}

    answer = world.call_as(operation, body=json.dumps(body, separators=(",", ":")))

    assert len(errors_of(answer)) == 20
    assert answer.json["error_count"] == 20_000
    assert "20000 invalid fields" in answer.json["detail"]
    assert len(answer.text) < 10_000


@operations(*WITH_BODY)
def test_huge_names_values_and_lists_are_refused_in_short(world: World, operation: Operation) -> None:
    before = world.contents()
    for name in operation.body:
        for value in HUGE:
            answer = world.call_as(operation, body={**operation.body, name: value})
            assert answer.status in {401, 404, 422}, (name, answer)
            assert len(answer.text) < 10_000
    answer = world.call_as(operation, body={**operation.body, "x" * 100_000: 1})
    [error] = errors_of(answer)
    assert error["field"] == "body"
    assert len(answer.text) < 1000
    assert world.contents() == before


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("half", ["\ud800", "a\udc00b"])
def test_half_a_surrogate_pair_is_refused_wherever_it_is(half: str) -> None:
    order = http_event("POST", "/wallets/x/orders", user=TRADER, body=json.dumps({"symbol": half}, ensure_ascii=False))
    path = http_event("GET", "/wallets/x/orders", user=TRADER) | {"rawPath": f"/api/v1/wallets/{half}/orders"}
    query = http_event("GET", "/wallets/x/orders", user=TRADER) | {"rawQueryString": f"status={half}"}
    joined = http_event("GET", "/wallets/x/orders", user=TRADER) | {"queryStringParameters": {"status": half}}
    named = http_event("GET", "/wallets/x/orders", user=TRADER) | {"queryStringParameters": {half: "open"}}
    header = http_event("POST", "/wallets/x/reset", user=TRADER, headers={"Idempotency-Key": half})

    assert call("place_order", order).status == 400
    assert call("list_orders", path).status == 404
    assert call("list_orders", query).status == 422
    assert call("list_orders", joined).status == 422
    assert call("list_orders", named).status == 422
    assert [error["field"] for error in errors_of(call("reset_wallet", header))] == ["Idempotency-Key"]


@pytest.mark.usefixtures("world")
def test_long_path_is_not_repeated_whole() -> None:
    answer = invoke("get_wallet", "GET", f"/wallets/{'x' * 8000}", user=TRADER)

    assert answer.status == 404
    assert len(answer.text) < 2000


def test_missing_query_parameter_is_told_from_a_missing_field(world: World) -> None:
    close = next(operation for operation in OPERATIONS if operation.id == "close_position")
    [error] = errors_of(world.call_as(close, query=""))
    assert error == {"field": "symbol", "message": "This query parameter is required.", "code": "missing"}
