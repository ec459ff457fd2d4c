"""The fuzzer reports responses that fail or differ from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from schemathesis import Response

from tests.fuzz.__main__ import wrong
from tests.fuzz.gateway import on_the_wire
from tests.fuzz.unknown_names import OPEN, spoil
from tests.support.api import DOCUMENT, HEADERS, OPERATIONS

HEALTH = next(operation for operation in OPERATIONS if operation.id == "get_health")
FINE = b'{"status": "ok"}'
SENT = HEADERS | {"content-type": "application/json", "x-request-id": "x"}


def faults(status: int, body: bytes, headers: Mapping[str, str] = SENT, spoilt: str | None = None) -> list[str]:
    case = schemathesis.openapi.from_dict(DOCUMENT)[HEALTH.path][HEALTH.method].Case()
    request = requests.Request("GET", f"https://api.example.test{HEALTH.path}").prepare()
    answer = Response(status, {name: [value] for name, value in headers.items()}, body, request, 0.0, verify=False)
    return list(wrong(case, HEALTH, answer, None, spoilt))


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, b'{"message": "Internal Server Error"}', SENT),
        (418, FINE, SENT),
        (200, b"[]", SENT),
        (200, b'{"status": 1}', SENT),
        (200, FINE, SENT | {"content-type": "text/html"}),
        (200, FINE, SENT | {"x-request-id": ""}),
        (200, FINE, {"content-type": "application/json", "x-request-id": "x"}),
        (200, b'{"status": "ok", "more": "Traceback (most recent call last)"}', SENT),
    ],
)
def test_fuzzer_reports_undocumented_responses(status: int, body: bytes, headers: Mapping[str, str]) -> None:
    assert faults(status, body, headers)


def test_fuzzer_accepts_documented_responses() -> None:
    assert faults(200, FINE) == []


def test_fuzzer_reports_an_accepted_request_with_an_unknown_name() -> None:
    assert "in spite of: unknown parameter" in "".join(faults(200, FINE, spoilt="unknown parameter 'page'"))


def spoilt_query(function: str, number: int) -> tuple[str | None, list[str]]:
    """Spoil a case with one filter. Return what was done, and the names in the query string that would be sent."""
    operation = next(operation for operation in OPERATIONS if operation.id == function)
    described = schemathesis.openapi.from_dict(DOCUMENT)[operation.path][operation.method]
    case: Any = described.Case(path_parameters={"user_wallet_id": "w"}, query={"symbol": "BTC/USDT"})
    done = spoil(case, operation, Random(number))
    sent = parse_qsl(urlsplit(on_the_wire(case).url or "").query, keep_blank_values=True)
    return done, [name for name, _ in sent]


def test_fuzzer_repeats_misspells_and_invents_query_parameters() -> None:
    found = {done.split()[0]: names for done, names in (spoilt_query("list_orders", n) for n in range(400)) if done}

    assert set(found) == {"unknown", "repeated", "wrong"}
    assert len(found["repeated"]) > len(set(found["repeated"]))
    known = {"symbol", "status", "limit", "cursor"}
    assert not set(found["unknown"]) <= known
    assert not set(found["wrong"]) <= known


def test_fuzzer_adds_words_of_the_framework_to_closed_objects_only() -> None:
    operation = next(operation for operation in OPERATIONS if operation.id == "create_wallet")
    described = schemathesis.openapi.from_dict(DOCUMENT)[operation.path][operation.method]
    places = set()
    for number in range(2000):
        case: Any = described.Case(body=operation.body, media_type="application/json")
        if (spoil(case, operation, Random(number)) or "").startswith("field"):
            places |= {name for name, value in case.body.items() if operation.body.get(name) != value}

    assert places >= {"body", "query", "path", "header", "risk_limits"}
    assert not places & OPEN
