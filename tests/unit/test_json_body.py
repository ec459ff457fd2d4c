"""Strict parsing of JSON bodies: the parser alone, and in front of a route."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from starlette.responses import Response

from moniqo_core.domain.errors import MalformedRequestError
from moniqo_core.http import json_body
from moniqo_core.http.app import LambdaHandler, api_router, lambda_handler
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.common import (
    Amount,
    ClosedModel,
    JsonObject,
    Name,
    NonNegativeAmount,
    PositiveAmount,
    View,
)
from tests.support.lambdas import http_event


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ('{"a": 0.10}', {"a": Decimal("0.10")}),
        ('{"a": 1e2}', {"a": Decimal("1e2")}),
        ('{"a": 0e999}', {"a": Decimal(0)}),
        ('{"a": 12345678901234567890}', {"a": 12345678901234567890}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        ('{"a": "[[[[' + "[" * 100 + '"}', {"a": "[" * 104}),
        ("[" * 32 + "]" * 32, eval("[" * 32 + "]" * 32)),
    ],
)
def test_parse_keeps_values_exactly(text: str, value: object) -> None:
    assert json_body.parse(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"a": 1,}',
        '{"a": 1} {"b": 2}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": 1e-999}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": 0.' + "9" * 5000 + "}",
        '{"a": 1, "a": 2}',
        '{"b": {"a": 1, "\\u0061": 2}}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        "[" * 33 + "]" * 33,
        "[" * 100_000,
        '{"a":' * 100_000,
        '["' + '\\"' * 100_000 + "[" * 33,
        '"a\u0000b"',
    ],
)
def test_parse_refuses_malformed_json(text: str) -> None:
    with pytest.raises(MalformedRequestError):
        json_body.parse(text.encode())


@pytest.mark.parametrize("body", [b"\xff\xfe{}", '{"a": 1}'.encode("utf-16"), b'{"a": "\xc3\x28"}'])
def test_parse_refuses_bodies_that_are_not_utf_8(body: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        json_body.parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_parse_agrees_with_the_standard_library(document: Any) -> None:
    assert json_body.parse(json.dumps(document).encode()) == document


@given(st.binary(max_size=60))
def test_parse_raises_only_malformed_request_errors(body: bytes) -> None:
    with suppress(MalformedRequestError):
        json_body.parse(body)


class Order(ClosedModel):
    amount: PositiveAmount
    price: NonNegativeAmount | None = None
    name: Name = "x"
    metadata: JsonObject = Field(default_factory=dict)


class OrderView(View):
    amount: Amount
    name: str
    metadata: dict[str, Any]


@pytest.fixture
def handler(environment: pytest.MonkeyPatch) -> LambdaHandler:
    router = api_router()

    @router.post("/orders")
    async def place(body: Order) -> Response:
        return json_response(OrderView(amount=body.amount, name=body.name, metadata=body.metadata))

    return lambda_handler(router)


def send(handler: LambdaHandler, body: str, content_type: str | None = "application/json") -> tuple[int, Any]:
    event = http_event("POST", "/orders", body=body)
    if content_type is None:
        del event["headers"]["content-type"]
    else:
        event["headers"]["content-type"] = content_type
    answer = handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ('"0.01"', "0.01"),
        ("0.010", "0.01"),
        ("1e2", "100"),
        ("5", "5"),
        ("0.1234567890123456780", "0.123456789012345678"),
        ('"999999999999999999"', "999999999999999999"),
    ],
)
def test_amounts_arrive_exactly(handler: LambdaHandler, sent: str, amount: str) -> None:
    assert send(handler, f'{{"amount": {sent}}}') == (200, {"amount": amount, "name": "x", "metadata": {}})


@pytest.mark.parametrize(
    "sent",
    [
        "0",
        "-1",
        "true",
        "null",
        "[]",
        "{}",
        '""',
        '"1e3"',
        '"NaN"',
        '"1_000"',
        '" 1"',
        '"+1"',
        '"\\u0661"',
        '"0x10"',
        "1e18",
        "1e-19",
        '"0.1234567890123456789"',
        "1234567890123456789",
    ],
)
def test_invalid_amounts_are_422_and_not_echoed(handler: LambdaHandler, sent: str) -> None:
    status, problem = send(handler, f'{{"amount": {sent}}}')

    assert (status, problem["code"]) == (422, "VALIDATION_ERROR")
    assert [error["field"] for error in problem["errors"]] == ["amount"]


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "a\nb", "a\u200bb", "a\u202eb", "\ufeff", "a\x00b", "\u00ad"])
def test_invisible_or_overlong_names_are_422(handler: LambdaHandler, name: str) -> None:
    status, problem = send(handler, json.dumps({"amount": "1", "name": name}))

    assert (status, problem["errors"][0]["field"]) == (422, "name")


def test_names_are_normalised_and_trimmed(handler: LambdaHandler) -> None:
    assert (
        send(handler, json.dumps({"amount": "1", "name": " Zu\u0308rich \U0001f600 "}))[1]["name"]
        == "Z\u00fcrich \U0001f600"
    )


@pytest.mark.parametrize(
    "body", ["{", '{"amount": NaN}', '{"amount": 1e999}', "[" * 100_000, '{"amount": 1, "amount": 2}']
)
def test_malformed_bodies_are_400(handler: LambdaHandler, body: str) -> None:
    status, problem = send(handler, body)

    assert (status, problem["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "5", "", '{"amount": 1, "more": 2}'])
def test_json_of_an_unexpected_shape_is_422(handler: LambdaHandler, body: str) -> None:
    status, problem = send(handler, body)

    assert (status, problem["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "content_type", [None, "application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"]
)
def test_json_media_types_are_accepted(handler: LambdaHandler, content_type: str | None) -> None:
    assert send(handler, '{"amount": 1}', content_type)[0] == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_other_media_types_are_400_with_a_hint(handler: LambdaHandler, content_type: str) -> None:
    status, problem = send(handler, '{"amount": 1}', content_type)

    assert (status, problem["code"]) == (400, "MALFORMED_REQUEST")
    assert "application/json" in problem["hint"]


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1_000_000])
def test_large_bodies_are_413(handler: LambdaHandler, size: int) -> None:
    status, problem = send(handler, '{"amount": 1}'.ljust(size))

    assert (status, problem["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert send(handler, '{"amount": 1}'.ljust(256 * 1024))[0] == 200


def test_metadata_is_returned_unchanged(handler: LambdaHandler) -> None:
    metadata = {"score": 0.25, "deep": [{"n": 1e3, "i": 7, "t": True, "z": None}], "$where": "\x00"}

    status, answer = send(handler, json.dumps({"amount": "1", "metadata": metadata}))

    assert (status, answer["metadata"]) == (200, metadata)
