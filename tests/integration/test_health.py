"""The health endpoint, through the real handler."""

from __future__ import annotations

import pytest
from pymongo.errors import WriteError

from moniqo_core.storage import client
from moniqo_core.storage.write_probe import WriteProbe
from tests.conftest import Database, Run
from tests.support.lambdas import Invoke, call, http_event
from tests.support.round_trips import round_trips


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


def test_health_writes_again_only_after_ten_seconds(invoke: Invoke) -> None:
    with round_trips() as commands:
        answers = [invoke("get_health", "GET", "/health").status for _ in range(3)]

    assert answers == [200, 200, 200]
    assert (commands.count("buildInfo"), commands.count("update")) == (3, 1)


def test_good_probe_is_trusted_for_ten_seconds_and_a_failed_one_is_not(database: Database, run: Run) -> None:
    now = [1000.0]
    probe = WriteProbe(database, lambda: now[0])

    def writes(later: float) -> int:
        now[0] += later
        with round_trips() as commands:
            run(probe.run())
        return commands.count("update")

    run(database.command("create", "deployment", validator={"at": {"$type": "string"}}))
    for _ in range(2):
        with pytest.raises(WriteError):
            run(probe.run())
    run(database.command("collMod", "deployment", validator={}))
    assert [writes(later) for later in (0, 9.9, 0.1, 5, 5)] == [1, 0, 1, 0, 1]


def test_unknown_route_is_a_404_problem(invoke: Invoke) -> None:
    answer = invoke("get_health", "GET", "/nothing")

    assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    assert answer.headers["content-type"] == "application/problem+json"
