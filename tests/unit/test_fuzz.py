"""The fuzzer reports responses that fail or differ from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import requests
import schemathesis
from schemathesis import Response

from tests.fuzz.__main__ import wrong
from tests.support.api import DOCUMENT, HEADERS, OPERATIONS

HEALTH = next(operation for operation in OPERATIONS if operation.id == "get_health")
FINE = b'{"status": "ok"}'
SENT = HEADERS | {"content-type": "application/json", "x-request-id": "x"}


def faults(status: int, body: bytes, headers: Mapping[str, str] = SENT) -> list[str]:
    case = schemathesis.openapi.from_dict(DOCUMENT)[HEALTH.path][HEALTH.method].Case()
    request = requests.Request("GET", f"https://api.example.test{HEALTH.path}").prepare()
    answer = Response(status, {name: [value] for name, value in headers.items()}, body, request, 0.0, verify=False)
    return list(wrong(case, HEALTH, answer, None))


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
