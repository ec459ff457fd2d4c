"""Refusals of requests that could not be read: which field they blame, and that they never fail themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from moniqo_core.domain.errors import InsufficientBalanceError
from moniqo_core.domain.nearest_name import nearest_name
from moniqo_core.http.app import api_router, lambda_handler
from moniqo_core.http.invalid_fields import invalid_request, sentence_of
from moniqo_core.http.schemas.orders.requests import PlaceOrderRequest
from tests.support.api import DOCUMENT
from tests.support.lambdas import http_event

WORDS = st.sampled_from(
    ["body", "query", "path", "header", "cookie", "response", "loc", "symbol", "stop_loss", "[key]"]
)
STEPS = st.lists(WORDS | st.text(max_size=60) | st.integers(0, 10**6), max_size=6)


@given(places=st.lists(STEPS, max_size=30), code=st.sampled_from(["missing", "extra_forbidden"]))
def test_every_place_of_an_error_is_described(places: list[list[Any]], code: str) -> None:
    found = [{"loc": tuple(place), "msg": "Wrong", "type": code} for place in places]

    error = invalid_request(RequestValidationError(found), PlaceOrderRequest)

    assert error.code == "VALIDATION_ERROR"
    assert all(set(item) == {"field", "message", "code"} for item in error.members["errors"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("found", [[{}], [{"loc": None, "msg": "x", "type": "x"}], [None], [{"loc": ("body",)}], 5])
def test_refusal_that_cannot_be_described_is_still_a_validation_error(found: Any) -> None:
    error = invalid_request(RequestValidationError(found), PlaceOrderRequest)

    assert (error.code, error.status) == ("VALIDATION_ERROR", 422)
    assert error.members["errors"]
    assert "/api/openapi.json" in error.advice


@pytest.mark.usefixtures("environment")
def test_error_whose_members_cannot_be_written_keeps_its_code() -> None:
    router = api_router()

    @router.get("/fail")
    async def fail() -> Response:
        raise InsufficientBalanceError("Not enough.", needed={("a", "b"): 1})

    answer = lambda_handler(router)(http_event("GET", "/fail"), None)

    assert answer["headers"]["content-type"] == "application/problem+json"
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (422, "INSUFFICIENT_BALANCE")


@pytest.mark.parametrize(
    ("asked", "known", "nearest"),
    [
        ("symbols", ("limit", "symbol", "status"), "symbol"),
        ("SYMBOL", ("limit", "symbol", "status"), "symbol"),
        ("supported_market", ("is_demo", "market", "limit"), "market"),
        ("orderstatus", ("limit", "symbol", "status"), "status"),
        ("stoploss", ("stop_price", "stop_loss"), "stop_loss"),
        ("qwxz", ("limit", "symbol"), None),
        ("anything", (), None),
        ("", ("limit",), None),
        ("BTCUSDT", ("BTC/EUR", "BTC/USDT", "ETH/USDT"), "BTC/USDT"),
        ("btc/usdt", ("BTC/EUR", "BTC/USDT", "ETH/USDT"), "BTC/USDT"),
        ("ETHUSD", ("BTC/USDT", "ETH/USDT"), "ETH/USDT"),
        ("x" * 100_000, ("BTC/USDT",), None),
    ],
)
def test_nearest_name_ignores_case_and_signs(asked: str, known: tuple[str, ...], nearest: str | None) -> None:
    assert nearest_name(asked, known) == nearest


def patterns(node: object) -> Iterator[str]:
    """Yield the patterns in a part of the OpenAPI document."""
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            yield pattern
        for inner in node.values():
            yield from patterns(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from patterns(inner)


def test_every_pattern_has_a_sentence() -> None:
    """Amounts have errors of their own."""
    found = {pattern for pattern in patterns(DOCUMENT) if r"[1-9][0-9]{0,17}" not in pattern}

    assert len(found) > 8
    assert {pattern for pattern in found if "page /api/docs" in sentence_of(pattern)} == set()
