"""Access control: every operation of the OpenAPI document, called by every kind of caller through the real handlers.

There is no gateway in front of the handlers here, so the service verifies tokens itself. A new operation is covered as
soon as it is documented. It counts as an operation of users on their own wallets unless a list below says otherwise.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support import tokens
from tests.support.api import OPERATIONS, Operation, World, new_things, operations
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Answer, call, http_event
from tests.support.stack import routes

PUBLIC = {"get_health", "list_definitions", "get_definition", "login", "refresh_token"}
FOR_ADMINS = {"create_definition", "update_definition", "delete_definition", "suspend_wallet", "reinstate_wallet"}
SECURED = [operation for operation in OPERATIONS if operation.id not in PUBLIC]
OF_A_WALLET = [operation for operation in SECURED if operation.is_about_a_wallet and operation.id not in FOR_ADMINS]


def bad_tokens(client_id: str) -> dict[str, str | None]:
    """Invalid tokens in the name of the trader."""
    good: dict[str, Any] = {"sub": TRADER.id, "client_id": client_id, "groups": ["admin"]}
    whole = tokens.token(**good)
    header, payload, signature = whole.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"sub": STRANGER.id}).encode()).rstrip(b"=").decode()
    attacker = tokens.rsa_key("attacker")
    return {
        "none": None,
        "empty": "",
        "nonsense": "nonsense",
        "three dots": "...",
        "8 KB": "x" * 8193,
        "forged": tokens.token(key=attacker, **good),
        "unknown key": tokens.token(key=attacker, headers={"kid": "attacker-1"}, **good),
        "brings its key": tokens.token(
            key=attacker, headers={"kid": "attacker-1", "jwk": tokens.rsa_jwk("attacker-1", "attacker")}, **good
        ),
        "names its key's address": tokens.token(
            key=attacker, headers={"jku": "http://127.0.0.1:9/keys", "kid": "attacker-1"}, **good
        ),
        "no signature": f"{header}.{payload}.",
        "changed": f"{header}.{changed}.{signature}",
        "alg none": jwt.encode(claims, "", algorithm="none", headers={"kid": "rsa-1"}),
        "public key as secret": _hs256(payload),
        "foreign issuer": tokens.token(iss="https://foreign.example.test/pool", **good),
        "other client": tokens.token(**good | {"client_id": "another-client"}),
        "other audience": tokens.token(aud="another-client", **good),
        "expired": tokens.token(exp=int(time.time()) - 1, **good),
        "never expires": tokens.token(exp=None, **good),
        "id token": tokens.token(token_use="id", **good),
        "nobody's": tokens.token(**good | {"sub": None}),
    }


def _hs256(payload: str) -> str:
    """Sign with the public key as if it were a shared secret."""
    public = tokens.rsa_key("issuer").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa-1","typ":"JWT"}').decode().rstrip("=")
    signature = hmac.digest(public, f"{header}.{payload}".encode(), "sha256")
    return f"{header}.{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_document_and_this_file_agree_on_who_may_call_each_operation() -> None:
    ids = {operation.id for operation in OPERATIONS}
    assert {operation.id for operation in OPERATIONS if operation.is_public} == PUBLIC & ids
    assert {operation.id for operation in OPERATIONS if operation.is_for_admins} == FOR_ADMINS & ids


def test_every_route_of_the_template_is_documented() -> None:
    documented = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    pages = {key for function, key, _ in routes() if function == "get_docs"}
    assert {key for _, key, _ in routes()} == documented | pages
    assert not documented & pages


@operations(*SECURED)
def test_invalid_token_is_401_and_changes_nothing(world: World, operation: Operation) -> None:
    before = world.contents()
    for kind, token in bad_tokens(world.client_id).items():
        answer = world.call(operation, token)
        assert answer.status == 401, kind
        assert_problem(answer, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"
    for scheme in ("Basic", "Token", "", "Bearer,"):
        header = f"{scheme} {world.token(TRADER)}".strip()
        assert world.call(operation, None, headers={"authorization": header}).status == 401, scheme
    assert world.contents() == before


@operations(*OF_A_WALLET)
def test_wallets_of_other_users_are_404(world: World, operation: Operation) -> None:
    before = world.contents()
    for user in (STRANGER, ADMIN):
        answer = world.call(operation, world.token(user))
        assert answer.status == 404, answer.text
        assert_problem(answer, "NOT_FOUND")
        # And nothing tells such a wallet from one that never was.
        never = world.call(operation, world.token(user), ids={"user_wallet_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"})
        assert _without_the_call(never) == _without_the_call(answer)
    assert world.contents() == before


@operations(*[operation for operation in OPERATIONS if operation.id in FOR_ADMINS])
def test_admin_routes_are_403_for_users(world: World, operation: Operation) -> None:
    before = world.contents()
    for user in (TRADER, STRANGER):
        for ids in ({}, world.theirs, {"user_wallet_id": "nothing", "slug": "nothing"}):
            answer = world.call(operation, world.token(user), ids=ids)
            assert answer.status == 403, answer.text
            assert_problem(answer, "FORBIDDEN")
    for groups in (["Admin"], ["administrator"], ["[admin]"], ["trader admin"], {"admin": True}, None):
        # What looks like the group of admins and is none; users can set attributes of their own.
        claims: dict[str, Any] = {"cognito:groups": groups, "custom:groups": ["admin"], "groups": ["admin"]}
        token = jwt.encode(
            tokens.claims(sub=TRADER.id, client_id=world.client_id, **claims),
            tokens.rsa_key("issuer"),
            algorithm="RS256",
            headers={"kid": "rsa-1"},
        )
        assert world.call(operation, token).status == 403, groups
    assert world.contents() == before


@operations(*SECURED)
def test_permitted_caller_is_accepted(world: World, operation: Operation) -> None:
    answer = world.call_as(operation, ids=new_things(TRADER))
    assert answer.status in operation.statuses - {400, 401, 403, 404, 413, 422}, answer.text
    assert answer.status < 500, answer.text


@operations(*[operation for operation in SECURED if operation.method == "GET" and not operation.is_about_a_wallet])
def test_lists_contain_nothing_of_other_users(world: World, operation: Operation) -> None:
    text = world.call(operation, world.token(STRANGER)).text
    assert world.ids["user_wallet_id"] not in text
    assert TRADER.id not in text


@operations(*[operation for operation in OPERATIONS if operation.id in PUBLIC - {"login", "refresh_token"}])
def test_public_operations_need_no_token(world: World, operation: Operation) -> None:
    assert world.call(operation, None).status == 200
    assert world.call(operation, "nonsense").status == 200


def assert_problem(answer: Answer, code: str) -> None:
    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["status"]) == (code, answer.status)
    assert problem["request_id"] == answer.headers["x-request-id"]


def _without_the_call(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name not in {"request_id", "instance"}}


@pytest.mark.parametrize("claims", [{}, {"token_use": "id", "sub": TRADER.id}, {"sub": ""}, {"sub": ["x"]}])
def test_gateway_claims_without_a_user_are_401(world: World, claims: dict[str, Any]) -> None:
    event = http_event("GET", "/wallets")
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    assert call("list_wallets", event).status == 401
