"""The health endpoint, through the real handler."""

from __future__ import annotations

import pytest

from moniqo_core.storage import client
from tests.support.lambdas import Invoke, call, http_event


def test_health_is_ok_when_the_database_answers(invoke: Invoke) -> None:
    answer = invoke("get_health", "GET", "/health")

    assert (answer.status, answer.json) == (200, {"status": "ok", "database": "ok"})
    assert answer.headers["x-request-id"].startswith("test-")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_health_is_503_with_retry_after_during_a_database_outage(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MONGODB_URL", "mongodb://127.0.0.1:9/?directConnection=true")

    answer = call("get_health", http_event("GET", "/health"))

    assert answer.status == 503
    assert answer.json["code"] == "TEMPORARILY_UNAVAILABLE"
    assert answer.json["retryable"] is True
    assert int(answer.headers["retry-after"]) > 0


def test_health_is_503_when_the_database_server_is_too_old(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OLDEST_SERVER", 1000)

    answer = invoke("get_health", "GET", "/health")

    assert answer.status == 503
    assert "too old" in answer.json["detail"]


def test_unknown_route_is_a_404_problem(invoke: Invoke) -> None:
    answer = invoke("get_health", "GET", "/nothing")

    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    assert answer.headers["content-type"] == "application/problem+json"
