"""The sample events match what API Gateway, EventBridge Scheduler and SQS would send to the template's functions."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import unquote_plus

import pytest

from moniqo_core.credentials.key_rotation import STEPS
from moniqo_core.services.wallets.idempotency import id_of_key
from tests.support.stack import ROOT, functions, routes

ROUTES: dict[str, list[str]] = {}
for function, key, _ in routes():
    ROUTES.setdefault(function, []).append(key)
PUBLIC = {key for _, key, route in routes() if route.get("Auth") == {"Authorizer": "NONE"}}
SCHEDULED = ("dispatch_sync", "dispatch_evaluation", "reencrypt_credentials", "reconcile_orders")
WORKERS = ("sync_wallets", "evaluate_orders")
ADMIN = {"create_definition", "update_definition", "delete_definition", "suspend_wallet", "reinstate_wallet"}


def event_of(function: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text(encoding="utf-8"))
    return event


def claims_of(event: dict[str, Any]) -> dict[str, str]:
    claims: dict[str, str] = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    return claims


def test_every_function_is_covered_by_a_test_here() -> None:
    assert set(functions()) - set(ROUTES) == {*SCHEDULED, *WORKERS, "rotate_key"}


@pytest.mark.parametrize("function", sorted(ROUTES))
def test_event_calls_a_route_of_its_function(function: str) -> None:
    event = event_of(function)
    assert event["version"] == "2.0"
    assert event["routeKey"] in ROUTES[function]
    assert event["requestContext"]["routeKey"] == event["routeKey"]
    method, path = event["routeKey"].split(" ")
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"]) == (method, event["rawPath"])
    found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), event["rawPath"])
    assert found, event["rawPath"]
    assert (event.get("pathParameters") or {}) == found.groupdict()


@pytest.mark.parametrize("function", sorted(ROUTES))
def test_query_headers_and_body_have_the_gateway_format(function: str) -> None:
    event = event_of(function)
    pairs = [pair.split("=", 1) for pair in event["rawQueryString"].split("&") if pair]
    assert event.get("queryStringParameters", {}) == {unquote_plus(name): unquote_plus(value) for name, value in pairs}
    assert all(name == name.lower() for name in event["headers"])
    if "body" in event:
        assert event["isBase64Encoded"] is False
        assert event["headers"]["content-type"] == "application/json"
        assert event["headers"].get("content-length", str(len(event["body"]))) == str(len(event["body"]))
        json.loads(event["body"])


@pytest.mark.parametrize("function", sorted(ROUTES))
def test_event_carries_claims_of_trader_or_admin_except_on_public_routes(function: str) -> None:
    event = event_of(function)
    claims = claims_of(event)
    if event["routeKey"] in PUBLIC:
        assert claims == {}
    elif function in ADMIN:
        assert "admin" in claims["cognito:groups"]
    else:
        assert claims["sub"] == claims_of(event_of("create_wallet"))["sub"]
        assert "admin" not in claims.get("cognito:groups", "")


def test_all_events_refer_to_the_wallet_of_the_create_wallet_event() -> None:
    first = event_of("create_wallet")
    made = id_of_key(claims_of(first)["sub"], first["headers"]["idempotency-key"])
    about = {
        (event.get("pathParameters") or {}).get("user_wallet_id")
        or event.get("queryStringParameters", {}).get("user_wallet_id")
        for event in map(event_of, ROUTES)
    }
    assert about - {None} == {made}
    for worker in WORKERS:
        (record,) = event_of(worker)["Records"]
        assert json.loads(record["body"])["user_wallet_ids"] == [made]


@pytest.mark.parametrize("function", SCHEDULED)
def test_schedule_event_has_the_fields_of_the_template_input(function: str) -> None:
    schedule = functions()[function]["Events"]["Schedule"]["Properties"]
    assert event_of(function).keys() == json.loads(schedule["Input"]).keys()


@pytest.mark.parametrize("function", WORKERS)
def test_queue_event_has_the_sqs_format(function: str) -> None:
    (record,) = event_of(function)["Records"]
    assert record["eventSource"] == "aws:sqs"
    assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_rotation_event_has_the_secrets_manager_format() -> None:
    event = event_of("rotate_key")
    assert event.keys() == {"Step", "SecretId", "ClientRequestToken", "RotationToken"}
    assert event["Step"] in STEPS
