"""Errors as problem documents, and what may be logged."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import inspect
import io
import json
import logging
import sys
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from starlette.responses import Response

from moniqo_core import observability
from moniqo_core.domain import errors
from moniqo_core.domain.errors import InsufficientBalanceError, RateLimitExceededError, WalletError
from moniqo_core.http import problems
from moniqo_core.http.app import api_router, lambda_handler
from tests.support.lambdas import http_event

CANARY = "canary-5f1d"
CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, WalletError)]


def answer_of(error: Exception) -> tuple[dict[str, Any], Any]:
    router = api_router()

    @router.get("/fail")
    async def fail() -> Response:
        raise error

    answer = lambda_handler(router)(http_event("GET", "/fail"), None)
    return answer, json.loads(answer["body"])


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_becomes_a_problem_document(kind: type[WalletError]) -> None:
    answer, problem = answer_of(kind("Because."))

    assert answer["statusCode"] == problem["status"] == kind.status
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["x-request-id"] == problem["request_id"]
    assert problem["code"] == kind.code
    assert problem["type"] == f"https://errors.moniqo.dev/{kind.code.lower().replace('_', '-')}"
    assert problem["title"] == kind.title
    assert problem["detail"] == "Because."
    assert problem["instance"] == "/api/v1/fail"
    assert problem["hint"] == kind.hint
    assert problem["retryable"] is kind.retryable
    assert ("retry-after" in answer["headers"]) == (kind.status in {429, 503})
    assert ("www-authenticate" in answer["headers"]) == (kind.status == 401)


@pytest.mark.usefixtures("environment")
def test_members_are_plain_numbers_and_cannot_override_fixed_fields() -> None:
    refusal = InsufficientBalanceError(
        needed=Decimal("1E+3"), available=Decimal("0.10"), at=datetime(2026, 1, 1, tzinfo=UTC), status=200, code="OK"
    )
    _, problem = answer_of(refusal)

    assert (problem["needed"], problem["available"], problem["at"]) == ("1000", "0.1", "2026-01-01T00:00:00Z")
    assert (problem["status"], problem["code"]) == (422, "INSUFFICIENT_BALANCE")


@pytest.mark.usefixtures("environment")
def test_retry_after_header_comes_from_the_error() -> None:
    answer, problem = answer_of(RateLimitExceededError(retry_after=17, hint="Slow down."))

    assert answer["headers"]["retry-after"] == "17"
    assert problem["hint"] == "Slow down."


@pytest.mark.usefixtures("environment")
def test_unexpected_error_is_500_and_never_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    cause = ValueError(CANARY)
    failure = RuntimeError(f"password={CANARY}")
    failure.__cause__ = cause

    answer, problem = answer_of(failure)

    written = capsys.readouterr()
    assert answer["statusCode"] == 500
    assert problem["code"] == "INTERNAL_ERROR"
    assert CANARY not in answer["body"] + written.out + written.err
    line = json.loads(written.out.splitlines()[0])
    assert (line["level"], line["exception"], line["cause"]) == ("ERROR", "RuntimeError", "ValueError")
    assert any("test_problems.py" in frame for frame in line["frames"])


@pytest.mark.usefixtures("environment")
def test_request_is_logged_in_one_line_without_query_headers_or_body(capsys: pytest.CaptureFixture[str]) -> None:
    router = api_router()

    @router.get("/things/{thing}")
    async def get(thing: str, q: str) -> Response:
        return Response(b"{}")

    event = http_event("GET", f"/things/{CANARY}", query={"q": CANARY}, headers={"Authorization": f"Bearer {CANARY}"})
    lambda_handler(router)(event, None)

    [text] = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert CANARY not in text
    assert (line["route"], line["method"], line["status"]) == ("/api/v1/things/{thing}", "GET", 200)
    assert line["request_id"] == event["requestContext"]["requestId"]
    assert line["duration_ms"] >= 0


@pytest.mark.usefixtures("environment")
def test_other_methods_and_paths_are_404() -> None:
    router = api_router()

    @router.get("/things")
    async def get() -> Response:
        return Response(b"{}")

    handler = lambda_handler(router)
    for event in (http_event("POST", "/things", body={}), http_event("GET", "/things/"), http_event("GET", "/%ff")):
        assert handler(event, None)["statusCode"] == 404


@pytest.mark.usefixtures("environment")
def test_cancelled_handler_is_answered_with_500() -> None:
    router = api_router()

    @router.get("/stop")
    async def stop() -> Response:
        raise asyncio.CancelledError

    assert lambda_handler(router)(http_event("GET", "/stop"), None)["statusCode"] == 500


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl",
        "gAAAAABnQk2Z0123456789abcdefghijklmnop==",
        "v1:key-1:gAAAAABnQk2Z0123456789abcdefghijklmnop==",
        "AKIAIOSFODNN7EXAMPLE",
        "Bearer abcdefgh12345678",
        "Basic dXNlcjpwYXNzd29yZA==",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\n-----END EC PRIVATE KEY-----",
    ],
)
def test_logs_mask_text_that_looks_like_a_credential(secret: str) -> None:
    line = format_line(f"before {secret} after", {"note": secret, "list": [{"deep": (secret,)}]})

    assert "before" in line
    assert "after" in line
    assert observability.MASK in line
    for part in secret.split():
        if len(part) > 8 and part != "PRIVATE":
            assert part not in line


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "apiSecret", "Authorization", "refresh_token", "credentials", "PRIVATE_KEY", "cookie"],
)
def test_fields_with_a_secret_name_are_masked_whole(name: str) -> None:
    assert CANARY not in format_line("x", {name: CANARY, "inner": {name: [CANARY]}})


def test_password_in_a_url_is_masked() -> None:
    line = format_line("connect", {"url": "mongodb+srv://user:pa55@cluster.example/db?x=1", "query": "a=1&token=abc"})

    assert "pa55" not in line
    assert "cluster.example" in line
    assert "abc" not in line


def fresh_copy(module: ModuleType) -> ModuleType:
    """Import a module once more, as a new execution environment does."""
    spec = importlib.util.find_spec(module.__name__)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


@pytest.fixture
def no_log_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where other tests sent the log lines of this process."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])


@pytest.mark.usefixtures("no_log_handlers")
def test_log_lines_name_their_location_and_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    class Context:
        function_name = "place_order"
        aws_request_id = "8c5ffb4a-4ac7-4f4e-9a0a-1d3c2a4b5c6d"

    fresh = fresh_copy(observability)
    fresh.configure("tests", "INFO")
    for context in (Context, None):
        fresh.begin(context)
        fresh.info("x", token=CANARY)

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["location"].startswith("test_log_lines_name_their_location_and_invocation:")
    assert datetime.fromisoformat(first["timestamp"]).tzinfo is not None
    del first["location"], first["timestamp"]
    assert first == {
        "level": "INFO",
        "message": "x",
        "service": "tests",
        "cold_start": True,
        "function_name": "place_order",
        "function_request_id": "8c5ffb4a-4ac7-4f4e-9a0a-1d3c2a4b5c6d",
        "token": observability.MASK,
    }
    assert (second["cold_start"], second["function_request_id"]) == (False, None)


@pytest.fixture
def log(no_log_handlers: None) -> ModuleType:
    """The logs of a new execution environment, which has configured them."""
    fresh = fresh_copy(observability)
    fresh.configure("tests", "INFO")
    return fresh


@pytest.mark.parametrize("name", ["password", "api_key", "Authorization", "refresh_token"])
def test_line_of_a_request_masks_fields_with_a_secret_name_whole(
    log: ModuleType, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    log.request(**{name: CANARY, "inner": {name: [CANARY]}, "status": 200})

    written = capsys.readouterr().out
    line = json.loads(written)
    assert CANARY not in written
    assert (line[name], line["inner"], line["status"]) == (observability.MASK, {name: observability.MASK}, 200)


@pytest.mark.parametrize(
    "secret", ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl", "Bearer abcdefgh12345678", "AKIAIOSFODNN7EXAMPLE"]
)
def test_line_of_a_request_masks_text_that_looks_like_a_credential(
    log: ModuleType, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    log.request(user_id=secret, note=f"x {secret} y", deep=[{"list": (secret,)}])

    line = json.loads(capsys.readouterr().out)
    masked = observability.MASK
    assert (line["user_id"], line["note"], line["deep"]) == (masked, f"x {masked} y", [{"list": [masked]}])


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 1), ("INFO", 1), ("WARN", 0), ("ERROR", 0)])
def test_line_of_a_request_is_written_up_to_the_log_level_info(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str, lines: int
) -> None:
    environment.setenv("POWERTOOLS_LOG_LEVEL", level)
    router = api_router()

    @router.get("/things")
    async def get() -> Response:
        return Response(b"{}")

    assert lambda_handler(router)(http_event("GET", "/things"), None)["statusCode"] == 200
    assert len(capsys.readouterr().out.splitlines()) == lines


class FullDisk(io.StringIO):
    """An output that takes text and cannot pass it on."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def closed_output() -> io.StringIO:
    closed = io.StringIO()
    closed.close()
    return closed


@pytest.mark.parametrize("output", [closed_output(), FullDisk(), None], ids=["closed", "full disk", "none"])
def test_line_of_a_request_that_cannot_be_written_is_no_error(
    log: ModuleType, monkeypatch: pytest.MonkeyPatch, output: io.StringIO | None
) -> None:
    # Python has no standard output at all in a process that begins with a closed one.
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        log.request(status=200)


def test_ordinary_fields_are_logged_unchanged() -> None:
    line = json.loads(format_line("x", {"status": 200, "ok": True, "none": None, "at": Decimal("1.5")}))

    assert (line["status"], line["ok"], line["none"], line["at"]) == (200, True, None, "1.5")


def format_line(message: str, fields: dict[str, Any]) -> str:
    record = logging.LogRecord("moniqo", logging.INFO, "", 0, message, (), None)
    record.fields = fields
    return observability.JsonFormatter("tests").format(record)


def test_openapi_describes_each_error_once_per_status() -> None:
    described = problems.problem_responses(errors.WalletInUseError, errors.DuplicateSlugError, errors.WalletInUseError)

    assert sorted(described) == [409, 422, 500, 503]
    assert set(described[409]["content"]["application/problem+json"]["examples"]) == {"WALLET_IN_USE", "DUPLICATE_SLUG"}
