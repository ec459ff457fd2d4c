"""The operations of the OpenAPI document, and a world of users and wallets to call them in."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core import event_loop
from moniqo_core.storage.rate_counters import COLLECTION as COUNTERS
from tests.support import tokens, wallets
from tests.support.lambdas import ADMIN, ROOT, STRANGER, TRADER, Answer, User, call, http_event, invoke
from tests.support.openapi_parts import with_parts_in_place

Contents = dict[str, list[dict[str, Any]]]

DOCUMENT: dict[str, Any] = with_parts_in_place(
    json.loads((ROOT / "functions" / "get_docs" / "openapi.json").read_text())
)
PASSWORD = "Correct-Horse-7-Battery"
EMAIL = "trader@example.com"
LEAST_QUERY: Mapping[str, Mapping[str, str]] = {"cancel_orders": {"all": "true"}}
"""Query parameters without which an operation is refused although none of them is required on its own."""
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}
"""The headers of every answer of the service, successful or not."""
POLLED_HEADERS = HEADERS | {"cache-control": "private, no-cache", "vary": "Accept-Encoding"}
"""The headers of an answer with an entity tag, which a client may keep to compare."""


@dataclass(frozen=True)
class Operation:
    """One operation of the document. ``id`` is the name of its function."""

    id: str
    method: str
    path: str
    described: Mapping[str, Any] = field(repr=False)

    @property
    def is_public(self) -> bool:
        return not self.described["security"]

    @property
    def is_for_admins(self) -> bool:
        return not self.is_public and "403" in self.described["responses"]

    @property
    def statuses(self) -> frozenset[int]:
        return frozenset(int(status) for status in self.described["responses"])

    @property
    def body(self) -> Any:
        """The example of the body, or None for an operation without a body."""
        content = self.described.get("requestBody", {}).get("content")
        return content["application/json"]["example"] if content else None

    @property
    def body_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = self.described["requestBody"]["content"]["application/json"]["schema"]
        return schema

    @property
    def body_may_be_absent(self) -> bool:
        return not self.described["requestBody"].get("required", False)

    def parameters(self, where: str) -> dict[str, dict[str, Any]]:
        listed = self.described.get("parameters", [])
        return {parameter["name"]: parameter for parameter in listed if parameter["in"] == where}

    @property
    def is_about_a_wallet(self) -> bool:
        return "user_wallet_id" in {**self.parameters("path"), **self.parameters("query")}


OPERATIONS = tuple(
    Operation(described["operationId"], method.upper(), path, described)
    for path, methods in DOCUMENT["paths"].items()
    for method, described in methods.items()
)


def operations(*chosen: Operation) -> pytest.MarkDecorator:
    """Run a test once for each of these operations."""
    return pytest.mark.parametrize("operation", chosen, ids=[operation.id for operation in chosen])


@dataclass
class World:
    """The subjects of calls: a trader with a wallet that has traded and has an open order, and other users."""

    client_id: str
    database: AsyncDatabase[dict[str, Any]] = field(repr=False)
    ids: dict[str, str]
    theirs: dict[str, str]
    """Ids of the stranger's own things."""
    tokens: dict[User, str] = field(default_factory=dict, repr=False)

    def token(self, user: User) -> str:
        """Return an access token as the issuer makes it."""
        if user not in self.tokens:
            self.tokens[user] = tokens.token(sub=user.id, groups=list(user.groups), client_id=self.client_id)
        return self.tokens[user]

    def call(
        self,
        operation: Operation,
        token: str | None,
        *,
        body: Any = ...,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        base64: bool = False,
    ) -> Answer:
        """Call an operation with a bearer token unverified by a gateway. Missing arguments come from the example."""
        ids = {**self.ids, **(ids or {})}
        required = {
            name: ids.get(name, parameter.get("example", "x"))
            for name, parameter in operation.parameters("query").items()
            if parameter.get("required")
        }
        given = LEAST_QUERY.get(operation.id, {}) if query is None else query
        sent = given if isinstance(given, str) else {**required, **given}
        path = operation.path.format_map({name: quote(value, safe="") for name, value in ids.items()})
        bearer = {"authorization": f"Bearer {token}"} if token is not None else {}
        body = operation.body if body is ... else body
        event = http_event(operation.method, path, body=body, query=sent, headers={**bearer, **(headers or {})})
        event["isBase64Encoded"] = base64
        return call(operation.id, event)

    def contents(self) -> Contents:
        """Dump every collection that a refused call must not change: all but the rate counters."""
        return event_loop.run(self._read())

    async def _read(self) -> Contents:
        names = sorted(set(await self.database.list_collection_names()) - {COUNTERS})
        return {name: await self.database[name].find().sort("_id").to_list() for name in names}

    def call_as(self, operation: Operation, **given: Any) -> Answer:
        """Call an operation as a permitted user."""
        return self.call(operation, self.token(ADMIN if operation.is_for_admins else TRADER), **given)


@contextmanager
def issuer() -> Iterator[str]:
    """Serve the issuer's key set on this machine and yield where."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = tokens.key_set()
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Do not log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/keys"
        server.shutdown()
        thread.join()


def user_pool(patch: pytest.MonkeyPatch) -> str:
    """Make the Cognito pool of this environment with one user, and return the id of its client."""
    cognito = boto3.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username=EMAIL, TemporaryPassword=PASSWORD)
    cognito.admin_set_user_password(UserPoolId=pool, Username=EMAIL, Password=PASSWORD, Permanent=True)
    patch.setenv("USER_POOL_ID", pool)
    patch.setenv("JWT_CLIENT_ID", client)
    return str(client)


def make_world(client_id: str, database: AsyncDatabase[dict[str, Any]]) -> World:
    """Open the wallets that calls are about. This needs the seeded database and the AWS services of ``wallets.aws``."""
    return World(client_id, database, new_things(TRADER), new_things(STRANGER))


def new_things(user: User) -> dict[str, str]:
    """Create a wallet with trades and an open order, and an unused definition. Return their ids."""
    wallet = wallets.create(invoke, user=user)["id"]
    rest = {"type": "limit", "amount": "0.005", "price": "10000"}
    placed = ""
    for order in ({"type": "market", "amount": "0.001"}, rest):
        body = {"symbol": "BTC/USDT", "side": "buy", **order}
        answer = invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=user, body=body)
        assert answer.status == 201, answer.text
        placed = answer.json["order_id"]
    return {"user_wallet_id": wallet, "order_id": placed, "slug": new_definition()}


def new_definition() -> str:
    """Create an unused definition and return its slug."""
    definition = {"slug": f"acme-{uuid.uuid4()}", "name": "Acme", "display_name": "Acme", "integration_type": "CEX"}
    answer = invoke("create_definition", "POST", "/wallets/definitions", user=ADMIN, body=definition)
    assert answer.status == 201, answer.text
    return definition["slug"]
