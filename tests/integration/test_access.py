"""Who may call what, and what bad input does, asked of every operation the OpenAPI document lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from moniqo.http import authentication
from moniqo.http.tokens import TokenVerifier
from tests.conftest import Database, Run
from tests.support import wallets
from tests.support.lambdas import ADMIN, ROOT, STRANGER, TRADER, Answer, Invoke, User
from tests.support.tokens import CLIENT_ID, ISSUER, key_set, rsa_key, token
from tests.support.wallets import aws

__all__ = ["aws"]

DOCUMENT = json.loads((ROOT / "functions" / "get_docs" / "openapi.json").read_text())


@dataclass(frozen=True)
class Operation:
    """One operation of the document; its id is the name of its function."""

    id: str
    method: str
    path: str
    described: dict[str, Any]

    @property
    def is_secured(self) -> bool:
        return "security" in self.described

    @property
    def is_for_admins(self) -> bool:
        return "403" in self.described["responses"] and self.is_secured

    @property
    def body(self) -> Any:
        if "requestBody" not in self.described:
            return None
        return self.described["requestBody"]["content"]["application/json"]["example"]

    def parameters(self, where: str) -> list[dict[str, Any]]:
        return [parameter for parameter in self.described.get("parameters", []) if parameter["in"] == where]


OPERATIONS = [
    Operation(described["operationId"], method.upper(), path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
]


def of(*, condition: Callable[[Operation], object]) -> pytest.MarkDecorator:
    """Parametrise over the operations that fulfil a condition."""
    chosen = [operation for operation in OPERATIONS if condition(operation)]
    return pytest.mark.parametrize("operation", chosen, ids=[operation.id for operation in chosen])


def touches_a_wallet(operation: Operation) -> bool:
    names = {parameter["name"] for parameter in operation.described.get("parameters", [])}
    return "user_wallet_id" in names and operation.is_secured


@dataclass
class World:
    """A trader with a wallet and an open order, and a way to call operations about them."""

    invoke: Invoke
    database: Database
    run: Run
    ids: dict[str, str]

    def call(
        self,
        operation: Operation,
        user: User | None,
        *,
        body: Any = ...,
        ids: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        ids = self.ids | (ids or {})
        wanted = {
            parameter["name"]: ids.get(parameter["name"], parameter.get("example", "x"))
            for parameter in operation.parameters("query")
            if parameter.get("required")
        }
        path = operation.path.format(**ids)
        body = operation.body if body is ... else body
        return self.invoke(
            operation.id, operation.method, path, user=user, body=body, query=wanted | (query or {}), headers=headers
        )

    def contents(self) -> dict[str, list[Any]]:
        async def read() -> dict[str, list[Any]]:
            names = set(await self.database.list_collection_names()) - {"login_attempts"}
            return {name: await self.database[name].find().sort("_id").to_list() for name in sorted(names)}

        return self.run(read())


@pytest.fixture
def world(aws: None, seeded: Database, invoke: Invoke, run: Run, monkeypatch: pytest.MonkeyPatch) -> World:
    verifier = TokenVerifier(ISSUER, CLIENT_ID, f"{ISSUER}/keys", fetch=lambda _: key_set())
    monkeypatch.setattr(authentication, "verifier", lambda: verifier)
    wallet = wallets.create(invoke)
    path = f"/wallets/{wallet['id']}/orders"
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.005", "price": "10000"}
    placed = invoke("place_order", "POST", path, user=TRADER, body=order)
    assert placed.status == 201, placed.text
    ids = {"user_wallet_id": wallet["id"], "order_id": placed.json["order_id"], "slug": "demo-stocks-v1"}
    return World(invoke, seeded, run, ids)


def is_a_documented_refusal(operation: Operation, answer: Answer) -> bool:
    return (
        400 <= answer.status < 500
        and str(answer.status) in operation.described["responses"]
        and answer.headers["content-type"] == "application/problem+json"
        and bool(answer.headers["x-request-id"])
    )


@of(condition=lambda operation: operation.is_secured)
def test_without_a_good_token_it_is_401_and_nothing_changes(world: World, operation: Operation) -> None:
    before = world.contents()
    bad = {
        "none": {},
        "nonsense": {"authorization": "Bearer nonsense"},
        "forged": {"authorization": f"Bearer {token(key=rsa_key('attacker'), sub=TRADER.id)}"},
        "foreign": {"authorization": f"Bearer {token(iss='https://other.example', sub=TRADER.id)}"},
        "expired": {"authorization": f"Bearer {token(exp=1, sub=TRADER.id)}"},
        "id token": {"authorization": f"Bearer {token(token_use='id', sub=TRADER.id)}"},
    }

    for kind, headers in bad.items():
        for body in (operation.body, "{"):
            answer = world.call(operation, None, headers=headers, body=body)
            assert (answer.status, answer.json["code"]) == (401, "UNAUTHENTICATED"), kind
    assert world.contents() == before


@of(condition=lambda operation: operation.is_secured)
def test_a_good_token_is_enough_without_a_gateway(world: World, operation: Operation) -> None:
    good = {"authorization": f"Bearer {token(sub=TRADER.id, groups=['admin'])}"}

    assert world.call(operation, None, headers=good).status != 401


@of(condition=lambda operation: operation.is_for_admins)
def test_for_others_an_admin_route_is_403_and_nothing_changes(world: World, operation: Operation) -> None:
    before = world.contents()

    for body in (operation.body, "{"):
        answer = world.call(operation, TRADER, body=body)
        assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
    assert world.contents() == before


@of(condition=lambda operation: touches_a_wallet(operation) and not operation.is_for_admins)
def test_for_a_stranger_a_wallet_is_not_there_and_nothing_changes(world: World, operation: Operation) -> None:
    before = world.contents()

    for user in (STRANGER, ADMIN):
        answer = world.call(operation, user)
        assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND")
    assert world.contents() == before


@of(condition=lambda operation: operation.id.startswith("list_") and operation.is_secured)
def test_a_stranger_sees_no_trace_of_a_wallet(world: World, operation: Operation) -> None:
    assert (
        world.ids["user_wallet_id"]
        not in world.call(operation, STRANGER).text.replace(operation.path, "").split('"instance"')[0]
    )


BAD_BODIES = {
    "empty": "",
    "cut off": "{",
    "no object": "[]",
    "text": '"text"',
    "number": "5",
    "NaN": '{"amount": NaN}',
    "out of range": '{"amount": 1e999}',
    "repeated key": '{"a": 1, "a": 2}',
    "100k deep": '{"a":' * 100_000,
    "100k lists": "[" * 100_000,
    "1 MB": '{"a": "' + "x" * 1_000_000 + '"}',
    "unknown field": '{"surprise": 1}',
    "operator": '{"$where": "1"}',
    "half a pair": '{"a": "\\ud800"}',
}


@of(condition=lambda operation: operation.body is not None)
def test_a_bad_body_is_a_documented_refusal_and_changes_nothing(world: World, operation: Operation) -> None:
    before = world.contents()

    for kind, body in BAD_BODIES.items():
        if kind == "empty" and not operation.described["requestBody"].get("required"):
            continue
        answer = world.call(operation, ADMIN if operation.is_for_admins else TRADER, body=body)
        assert is_a_documented_refusal(operation, answer), (kind, answer)
    assert world.contents() == before


BAD_VALUES: list[Any] = [
    None,
    True,
    [],
    {},
    [[]],
    {"$gt": ""},
    "",
    "\x00",
    "\u202e",
    "x" * 20_000,
    "NaN",
    "Infinity",
    "1e5",
    "-1",
    "0",
    "1_000",
    "\u0661",
    0,
    -1,
    10**30,
    0.1234567890123456789,
]


@of(condition=lambda operation: operation.body is not None and operation.is_secured)
def test_any_value_in_any_field_is_answered_as_documented(world: World, operation: Operation) -> None:
    for name in operation.body:
        for value in BAD_VALUES:
            answer = world.call(
                operation, ADMIN if operation.is_for_admins else TRADER, body=operation.body | {name: value}
            )
            assert str(answer.status) in operation.described["responses"], (name, value, answer)
            assert answer.status < 500 or answer.status == 502, (name, value, answer)
            if answer.status == 422:
                assert all(isinstance(error["field"], str) for error in answer.json.get("errors", []))


BAD_IDS = [
    "nothing",
    "0",
    "\x00",
    "..",
    "$ne",
    "x" * 500,
    "\U0001f4a5",
    "{}",
    "00000000-0000-0000-0000-000000000000",
    "%25",
]


@of(condition=lambda operation: operation.parameters("path"))
def test_a_bad_id_is_not_there_and_changes_nothing(world: World, operation: Operation) -> None:
    before = world.contents()

    for parameter in operation.parameters("path"):
        for bad in BAD_IDS:
            answer = world.call(operation, ADMIN if operation.is_for_admins else TRADER, ids={parameter["name"]: bad})
            assert answer.status in {404, 422}, (parameter["name"], bad, answer)
    assert world.contents() == before


BAD_QUERIES = {
    "limit": ["0", "-1", "101", "x", "1e2", "NaN", "9" * 400, ""],
    "cursor": ["", "x", "!", "bnVsbA", "W10", "WzFd", "WyJhIl0", "WyJhIiwiYiIsImMiLCJkIl0", "x" * 600],
}


@of(condition=lambda operation: {"limit", "cursor"} & {item["name"] for item in operation.parameters("query")})
def test_a_bad_page_is_422(world: World, operation: Operation) -> None:
    for parameter in operation.parameters("query"):
        for bad in BAD_QUERIES.get(parameter["name"], []):
            answer = world.call(operation, TRADER, query={parameter["name"]: bad})
            assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR"), (parameter["name"], bad, answer)
            assert answer.json["errors"][0]["field"] == parameter["name"]
