"""Every successful response matches the OpenAPI document, along the journey of a user and an admin.

Schemas are strict here: a response with an undocumented field fails. A new operation fails until the journey calls it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from tests.support.api import DOCUMENT, EMAIL, HEADERS, OPERATIONS, PASSWORD, POLLED_HEADERS, Operation, World
from tests.support.lambdas import Answer
from tests.support.wallets import new_wallet

PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?", re.ASCII)
"""A plain decimal: no exponent, no plus, no leading or trailing zeros."""
NUMBER_LIKE = re.compile(r"[+-]?[0-9.]*[0-9](?:[eE][+-]?[0-9]+)?|-?(?:NaN|Infinity|inf)", re.ASCII)
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,6})?Z", re.ASCII)
TIME_LIKE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ].*", re.ASCII)
NAMED_BY = {"get_wallet": "id", "get_order": "order_id", "get_definition": "slug"}
"""Operations that read one resource, and the field that identifies it."""
BY_ID = {operation.id: operation for operation in OPERATIONS}
WHOLE_NUMBERS = {"expires_in", "order", "max_open_positions", "latency_ms", "duration_ms", "api_calls", "assets_count"}
WHOLE_NUMBERS |= {"retry_count", "total_syncs", "failed_syncs", "seq", "rules_version", "limits_version", "status"}
WHOLE_NUMBERS |= {"epoch", "trades", "wins", "losses"}


def closed(node: Any) -> Any:
    """Copy schemas so that objects with named properties have no others."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    copied = {name: closed(value) for name, value in node.items()}
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        copied["additionalProperties"] = False
    return copied


COMPONENTS = closed(DOCUMENT["components"])


class Journey:
    """Calls operations and checks each answer against the document."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, str] = {}
        self.seen: set[tuple[str, int]] = set()
        self.request_ids: set[str] = set()

    def __call__(self, operation_id: str, expected: int = 200, **given: Any) -> Any:
        operation = BY_ID[operation_id]
        answer = self.world.call_as(operation, ids=self.ids, **given)
        assert answer.status == expected, answer.text
        self.check(operation, answer)
        if answer.status == 201:
            self.find_at(answer.headers["location"], answer.json)
        return answer.json if answer.text else None

    def find_at(self, location: str, made: Any) -> None:
        """Read a new resource at the address that its creation gave."""
        for name, identity in NAMED_BY.items():
            pattern = BY_ID[name].path.replace("{", "(?P<").replace("}", ">[^/]+)")
            if place := re.fullmatch(pattern, location):
                found = self.world.call_as(BY_ID[name], ids=self.ids | place.groupdict())
                assert (found.status, found.json[identity]) == (200, made[identity])
                return
        pytest.fail(f"no route reads {location}")

    def check(self, operation: Operation, answer: Answer) -> None:
        self.seen.add((operation.id, answer.status))
        described = operation.described["responses"][str(answer.status)]
        headers = dict(answer.headers)
        assert headers["x-request-id"], operation.id
        assert headers["x-request-id"] not in self.request_ids, "two requests, one id"
        self.request_ids.add(headers["x-request-id"])
        has_tag = "ETag" in described["headers"]
        assert headers.items() >= (POLLED_HEADERS if has_tag else HEADERS).items()
        assert ("etag" in headers) is has_tag
        if "location" in headers:
            assert "Location" in described["headers"]
        if headers.get("idempotent-replayed"):
            assert "Idempotent-Replayed" in described["headers"]
        assert "server" not in headers
        if answer.status == 204:
            assert answer.text == ""
            return
        media_type = "application/json" if answer.status < 400 else "application/problem+json"
        assert headers["content-type"] == media_type
        assert int(headers["content-length"]) == len(answer.text.encode())
        schema = {**closed(described["content"][media_type]["schema"]), "components": COMPONENTS}
        errors = list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(answer.json))
        assert not errors, (operation.id, [(list(error.absolute_path), error.message[:300]) for error in errors])
        check_values(answer.text)


def check_values(text: str) -> None:
    """See to what schemas do not say: amounts and times have one form, no number is a float, no key stands twice."""
    document = json.loads(text, object_pairs_hook=_without_repeats, parse_float=Decimal, parse_constant=_no_constant)
    for name, value in leaves(document):
        assert not isinstance(value, Decimal), (name, value)
        if isinstance(value, int) and not isinstance(value, bool):
            assert name in WHOLE_NUMBERS, (name, value)
        if isinstance(value, str) and NUMBER_LIKE.fullmatch(value):
            assert PLAIN.fullmatch(value), (name, value)
            assert value != "-0"
        if isinstance(value, str) and TIME_LIKE.fullmatch(value):
            assert TIME.fullmatch(value), (name, value)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def _no_constant(text: str) -> Any:
    pytest.fail(f"{text} is not JSON")


def leaves(document: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with the name of its field. Metadata is left out, because it is the client's own."""
    if isinstance(document, Mapping):
        for inner, value in document.items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", inner), inner
            if inner != "metadata":
                yield from leaves(value, inner)
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value, name)
    else:
        yield name, document


@pytest.fixture
def journey(world: World) -> Journey:
    return Journey(world)


def test_every_successful_response_matches_the_document(journey: Journey) -> None:
    catalogue(journey)
    connected(journey)
    traded(journey)
    read_everything(journey)
    looked_back(journey)
    looked_after(journey)
    assert {operation_id for operation_id, _ in journey.seen} == BY_ID.keys(), "the journey misses an operation"
    documented = {
        (operation.id, status) for operation in OPERATIONS for status in operation.statuses if 200 <= status < 300
    }
    assert journey.seen == documented


def catalogue(journey: Journey) -> None:
    journey("get_health")
    tokens = journey("login", body={"email": EMAIL, "password": PASSWORD})
    journey("refresh_token", body={"refresh_token": tokens["refresh_token"]})
    made = journey("create_definition", 201, body=full_definition())
    journey.ids["slug"] = made["slug"]
    assert journey("get_definition") == made
    assert "api_config" not in made
    changed = journey("update_definition", body={"display_name": "Acme 2", "capabilities": {}, "tags": ["new"]})
    assert (changed["display_name"], changed["tags"]) == ("Acme 2", ["new"])
    pages = journey("list_definitions", query={"limit": "2"})
    journey("list_definitions", query={"limit": "2", "cursor": pages["next_cursor"]})
    journey("list_definitions", query={"integration_type": "CEX", "is_active": "true", "market": "crypto"})
    journey("delete_definition", 204)


def connected(journey: Journey) -> None:
    limits = {"max_position_size_usd": 100000, "max_total_exposure_usd": "500000.50", "max_open_positions": 5}
    limits |= {
        "daily_loss_limit_percent": 7.5,
        "max_drawdown_percent": "20",
        "allowed_symbols": ["BTC/USDT", "ETH/USDT"],
    }
    fields: dict[str, Any] = {"description": "é\u4e2d", "color": "#a1B2c3", "icon": "star", "risk_limits": limits}
    fields["credentials"] = {"initial_balance_usd": 123456.7}
    key = {"Idempotency-Key": "once"}
    made = journey("create_wallet", 201, body=new_wallet(**fields), headers=key)
    assert journey("create_wallet", 200, body=new_wallet(**fields), headers=key) == made
    journey("create_wallet", 201, body=new_wallet())
    journey.ids["user_wallet_id"] = made["id"]
    assert journey("get_wallet") == made
    journey(
        "update_wallet", body={"custom_name": "Renamed", "description": None, "risk_limits": {"timezone": "Asia/Tokyo"}}
    )
    body = {"credentials": {"initial_balance_usd": "123456.70"}}
    journey("replace_credentials", body=body)
    tested = journey("test_connection")
    assert tested["success"]
    pages = journey("list_wallets", query={"limit": "1"})
    journey("list_wallets", query={"limit": "1", "cursor": pages["next_cursor"]})


def traded(journey: Journey) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market"}
    metadata = {"note": "x", "deep": {"a": [1, 2.5, None]}, "A-Key": "1.50"}
    body = order | {"amount": 0.1, "client_order_id": "one", "metadata": metadata}
    filled = journey("place_order", 201, body=body)
    assert (filled["status"], filled["metadata"]) == ("filled", metadata)
    assert journey("place_order", 200, body=body)["order_id"] == filled["order_id"]
    journey("place_order", 201, body=order | {"quote_amount": "1000"})
    journey("place_order", 201, body=order | {"side": "sell", "amount": "0.01"}, headers={"Idempotency-Key": "two"})
    limit = order | {"type": "limit", "amount": "0.01", "price": "10000"}
    resting = journey("place_order", 201, body=limit | {"post_only": True})
    assert resting["status"] == "open"
    none_filled = journey("place_order", 201, body=limit | {"time_in_force": "IOC"})
    assert none_filled["status"] == "cancelled"
    journey("place_order", 201, body=limit | {"symbol": "ETH/USDT", "price": 1000.5})
    journey.ids["order_id"] = filled["order_id"]
    assert journey("get_order") == filled
    journey.ids["order_id"] = resting["order_id"]
    assert journey("get_order")["status"] == "open"
    assert len(journey("list_orders", query={"status": "open"})["items"]) == 2
    assert len(journey("list_all_orders", query={"status": "open"})["items"]) == 3
    assert journey("replace_order", body={"price": "10001", "if_filled_amount": "0"})["price"] == "10001"
    assert journey("cancel_order")["status"] == "cancelled"
    assert len(journey("cancel_orders", query={"all": "true"})["cancelled"]) == 1
    assert journey("cancel_orders", query={"symbol": "BTC/USDT"}) == {"cancelled": []}
    every: dict[str, Any] = limit | {"price": "40000", "time_in_force": "GTD"}
    every |= {"expires_at": "2100-01-01T00:00:00+02:00", "reduce_only": False}
    every |= {"stop_loss": {"percent": "2"}, "take_profit": {"stop_price": "60000"}}
    journey("place_order", 201, body=every)
    for kind in ({"type": "stop_loss", "stop_price": "20000"}, {"type": "trailing_stop", "trail_percent": 3}):
        journey("place_order", 201, body={"symbol": "BTC/USDT", "side": "sell", "amount": "0.01"} | kind)
    assert not journey("preflight_order", body=every | {"amount": "0.0000001"})["would_pass"]
    assert journey("preflight_order", body=order | {"quote_amount": "100"})["would_pass"]
    assert len(journey("list_positions")["items"]) == 1
    closing = {"query": {"symbol": "BTC/USDT"}, "headers": {"Idempotency-Key": "a-close"}}
    closed = journey("close_position", 201, **closing)
    assert (closed["status"], closed["client_order_id"]) == ("filled", "a-close")
    assert journey("close_position", 200, **closing) == closed
    assert journey("get_performance")["trades"] == 2
    journey("place_order", 201, body=order | {"amount": "0.1"})
    half = journey("close_position", 201, query={"symbol": "BTC/USDT"}, body={"percent": "50"})
    assert half["status"] == "filled"
    flat = journey("close_positions", body={"confirm": True}, headers={"Idempotency-Key": "flat"})
    assert len(flat["items"]) == 1


def read_everything(journey: Journey) -> None:
    for operation_id in ("list_orders", "list_trades"):
        first = journey(operation_id, query={"limit": "2"})
        second = journey(operation_id, query={"limit": "2", "cursor": first["next_cursor"]})
        ids = [item.get("fill_id") or item["order_id"] for item in (*first["items"], *second["items"])]
        assert len(ids) == len(set(ids)) > 2
    span = {"symbol": "BTC/USDT", "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00+02:00"}
    assert journey("list_trades", query=span)["items"]
    about = {"user_wallet_id": journey.ids["user_wallet_id"]}
    assert journey("get_clock", query=about)["is_open"]
    markets = journey("list_markets", query=about)["items"]
    for symbol in (market["symbol"] for market in markets if market["symbol"] in {"BTC/USDT", "ETH/USDT"}):
        asked = about | {"symbol": symbol}
        journey("get_price", query=asked)
        journey("get_book", query=asked)
        journey("get_ticker", query=about | {"symbols": symbol})
        for interval in ("1m", "5m", "15m", "1h", "4h", "1d"):
            assert len(journey("get_candles", query=asked | {"interval": interval, "limit": "5"})["items"]) == 5


def looked_back(journey: Journey) -> None:
    first = journey("get_ledger", query={"limit": "5"})
    second = journey("get_ledger", query={"limit": "5", "cursor": first["next_cursor"]})
    assert [entry["seq"] for entry in (*first["items"], *second["items"])] == list(range(1, 11))
    for interval in ("1h", "1d"):
        journey(
            "get_equity", query={"interval": interval, "from": "2020-01-01T00:00:00Z", "to": "2020-01-08T00:00:00Z"}
        )
    body, key = {"seq": 2, "custom_name": "What if"}, {"Idempotency-Key": "again"}
    copied = journey("fork_wallet", 201, body=body, headers=key)
    assert journey("fork_wallet", 200, body=body, headers=key) == copied
    assert journey("reset_wallet", body={})["balance"]["total_value_usd"] == "123456.7"
    assert journey("reset_wallet", body={"initial_balance_usd": 50000.25})["balance"]["total_value_usd"] == "50000.25"
    assert journey("reset_wallet", body={})["balance"]["total_value_usd"] == "123456.7"


def looked_after(journey: Journey) -> None:
    balance = journey("get_balance")
    synced = journey("sync_balance")
    assert synced["success"]
    held = {asset["asset"]: asset["total"] for asset in balance["assets"]}
    assert {asset["asset"]: asset["total"] for asset in synced["balance"]["assets"]} == held
    journey("sync_balance")
    pages = journey("get_sync_log", query={"limit": "1"})
    journey("get_sync_log", query={"limit": "1", "cursor": pages["next_cursor"]})
    journey("pause_wallet", body={"reason": "lunch"})
    assert journey("get_wallet")["status"] == "paused"
    journey("resume_wallet", body={"confirm": True})
    journey("suspend_wallet", body={"reason": "under review"})
    journey("reinstate_wallet", body={"reason": "cleared"})
    journey("get_wallet")
    journey("delete_wallet", 204, query={"force": "true"})


def full_definition() -> dict[str, Any]:
    """Every field a definition can have."""
    example: dict[str, Any] = copy.deepcopy(BY_ID["create_definition"].body)
    return example | {
        "slug": "acme-full-v1",
        "description": "Everything set.",
        "logo_url": "https://acme.example/logo.svg",
        "requires_kyc": True,
        "supported_markets": ["crypto", "forex"],
        "supported_symbols": ["BTC/USDT"],
        "capabilities": {
            "leverage": {"available": True, "min": 1, "max": "12.50", "adjustable": True},
            "fees": {"maker_fee_percent": 0, "taker_fee_percent": "0.100", "withdrawal_fee_percent": 1e-3},
        },
        "tags": ["exchange"],
    }


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.5}', '{"a": "1.50"}', '{"a": "1E+2"}', '{"a": "-0"}', '{"a": "2026-01-01T00:00:00"}', '{"a": NaN}'],
)
def test_value_checks_detect_undocumented_formats(text: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check_values(text)
