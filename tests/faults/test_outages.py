"""Outages of Secrets Manager, MongoDB and the token issuer are answered with 503 in time, and the service recovers."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from moniqo_core import bootstrap
from moniqo_core.secret_reader import BUDGET_SECONDS, TIMEOUT_SECONDS
from moniqo_core.storage.wallets.definitions import COLLECTION as DEFINITIONS
from tests.conftest import Database, Run, forget, fresh_database
from tests.support.aws_server import aws_server
from tests.support.key_harness import FIELDS
from tests.support.lambdas import TRADER, Answer, Invoke, User, http_event, invoke, load_function
from tests.support.mongo import embedded_server
from tests.support.outage_gate import TROUBLES, Gate
from tests.support.stack import template
from tests.support.tokens import key_set, token
from tests.support.wallets import DEMO, KEY_SECRET, create, new_wallet, ring_of_one_key

SECONDS = 3.0
"""What a function has in these tests."""


class Context:
    """The Lambda context of an invocation with limited time."""

    function_name = "test"
    aws_request_id = "test"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def ask(
    function: str, method: str, path: str, *, user: User | None = TRADER, seconds: float = 15, **given: object
) -> Answer:
    """Call a function with limited time."""
    event = http_event(method, path, user=user, **given)  # type: ignore[arg-type]
    result = load_function(function).handler(event, Context(seconds))
    return Answer(result["statusCode"], result["headers"], result.get("body", ""))


def assert_unavailable(function: str, method: str, path: str, **given: object) -> None:
    """Check that a function answers with 503 and Retry-After before its time is over."""
    started = time.monotonic()
    answer = ask(function, method, path, seconds=SECONDS, **given)  # type: ignore[arg-type]
    assert time.monotonic() - started < SECONDS
    assert (answer.status, answer.json["code"], answer.json["retryable"]) == (503, "TEMPORARILY_UNAVAILABLE", True), (
        answer.text
    )
    assert int(answer.headers["retry-after"]) > 0


@contextmanager
def gate_before(url: str) -> Iterator[Gate]:
    where = urlsplit(url)
    assert where.hostname
    assert where.port
    with Gate(where.hostname, where.port) as gate:
        yield gate


@pytest.fixture
def aws_gate(environment: pytest.MonkeyPatch) -> Iterator[Gate]:
    """AWS over HTTP, behind a gate."""
    with aws_server() as url, gate_before(url) as gate:
        environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{gate.port}")
        boto3.client("secretsmanager").create_secret(Name=KEY_SECRET, SecretString=ring_of_one_key())
        yield gate


@pytest.fixture
def with_secrets(aws_gate: Gate, seeded: Database, run: Run) -> None:
    run(seeded.wallets.update_one({"slug": DEMO}, {"$set": {"required_credentials": FIELDS}}))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_key_ring_outage_is_503_and_recovers(
    trouble: str, aws_gate: Gate, with_secrets: None, invoke: Invoke, database: Database
) -> None:
    given = {"credentials": {"api_key": "secret"}}
    path = f"/wallets/{create(invoke, credentials=given['credentials'])['id']}"
    for made in (bootstrap.keys, bootstrap.cipher, bootstrap.wallet_connection, bootstrap.wallet_creation):
        made.cache_clear()
    aws_gate.shut(trouble)

    assert_unavailable("create_wallet", "POST", "/wallets", body=new_wallet(**given))
    assert_unavailable("replace_credentials", "PUT", f"{path}/credentials", body=given)
    assert ask("get_wallet", "GET", path).status == 200, "who needs no key is not touched"

    aws_gate.open()
    assert ask("create_wallet", "POST", "/wallets", body=new_wallet(**given)).status == 201
    assert ask("test_connection", "POST", f"{path}/test-connection").json["success"]


@pytest.mark.parametrize("trouble", ["closed", "silent", "reset", "garbage"])
def test_database_outage_is_503_and_recovers(
    trouble: str, environment: pytest.MonkeyPatch, seeded: Database, mongo_url: str, invoke: Invoke
) -> None:
    path = f"/wallets/{create(invoke)['id']}"
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001", "client_order_id": "once"}
    with gate_before(mongo_url) as gate:
        environment.setenv("MONGODB_URL", f"mongodb://127.0.0.1:{gate.port}/?directConnection=true")
        forget()
        assert ask("get_wallet", "GET", path).status == 200
        gate.shut(trouble)

        assert_unavailable("get_wallet", "GET", path)
        assert_unavailable("place_order", "POST", f"{path}/orders", body=order)

        gate.open()
        assert ask("place_order", "POST", f"{path}/orders", body=order).status in {200, 201}
        assert ask("get_wallet", "GET", path).status == 200
        forget()


@pytest.mark.parametrize("trouble", ["closed", "silent", "reset", "garbage"])
def test_outage_while_reading_the_database_secret_is_503_and_recovers(
    trouble: str, aws_gate: Gate, environment: pytest.MonkeyPatch, seeded: Database, mongo_url: str, invoke: Invoke
) -> None:
    boto3.client("secretsmanager").create_secret(Name="mongodb", SecretString=mongo_url)
    environment.delenv("MONGODB_URL")
    environment.setenv("MONGODB_SECRET_ID", "mongodb")
    environment.setattr("moniqo_core.secret_reader.TIMEOUT_SECONDS", 0.5)
    forget()
    aws_gate.shut(trouble)
    assert_unavailable("list_wallets", "GET", "/wallets")
    aws_gate.open()
    assert ask("list_wallets", "GET", "/wallets").status == 200
    forget()


@pytest.mark.parametrize("text", ["", "{", '{"address": "x"}', "mongodb://", "mongodb://[::1", "http://x:y"])
def test_database_secret_without_an_address_is_503_until_corrected(
    text: str, aws_gate: Gate, environment: pytest.MonkeyPatch, mongo_url: str
) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="mongodb", SecretString=text or " ")
    environment.setenv("MONGODB_SECRET_ID", "mongodb")
    assert_unavailable("list_wallets", "GET", "/wallets")
    secrets.put_secret_value(SecretId="mongodb", SecretString=mongo_url)
    assert ask("list_wallets", "GET", "/wallets").status == 200


def test_missing_database_secret_is_503_until_created(
    aws_gate: Gate, environment: pytest.MonkeyPatch, mongo_url: str
) -> None:
    environment.setenv("MONGODB_SECRET_ID", "mongodb")
    assert_unavailable("list_wallets", "GET", "/wallets")
    boto3.client("secretsmanager").create_secret(Name="mongodb", SecretString=mongo_url)
    assert ask("list_wallets", "GET", "/wallets").status == 200


def test_reading_the_database_secret_fits_into_the_function_timeout() -> None:
    # The last attempt may begin just before the budget ends, and wait for its connection and for its answer.
    assert template()["Globals"]["Function"]["Timeout"] - 1 > BUDGET_SECONDS + 2 * TIMEOUT_SECONDS


@pytest.fixture
def issuer(environment: pytest.MonkeyPatch) -> Iterator[Gate]:
    """The issuer's key set, behind a gate."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = key_set()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    with Gate("127.0.0.1", server.server_port) as gate:
        environment.setenv("JWT_JWKS_URL", f"http://127.0.0.1:{gate.port}/jwks.json")
        yield gate
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("trouble", ["closed", "silent", "reset", "garbage"])
def test_issuer_outage_is_503_and_known_keys_keep_working(trouble: str, issuer: Gate, seeded: Database) -> None:
    bearer = {"authorization": f"Bearer {token(sub=TRADER.id)}"}
    issuer.shut(trouble)
    assert_unavailable("list_wallets", "GET", "/wallets", user=None, headers=bearer)
    issuer.open()
    answer = ask("list_wallets", "GET", "/wallets", user=None, headers=bearer)
    assert (answer.status, json.loads(answer.text)["items"]) == (200, [])
    issuer.shut(trouble)
    assert ask("list_wallets", "GET", "/wallets", user=None, headers=bearer).status == 200, "keys are kept"


@pytest.fixture(scope="module")
def faulty_server() -> Iterator[str]:
    """A server that fails commands on demand."""
    with embedded_server("--enable-test-commands") as url:
        yield url


@pytest.mark.skipif("MONGODB_URL" in os.environ, reason="needs a server with test commands")
@pytest.mark.parametrize("code", [1, 89, 112, 262, 365, 462, 9001, 11601, 14031])
def test_failing_database_command_is_503_and_an_order_is_placed_once(
    code: int, environment: pytest.MonkeyPatch, faulty_server: str, definitions: list[dict[str, Any]], run: Run
) -> None:
    with fresh_database(environment, faulty_server) as db:
        run(db[DEFINITIONS].insert_many(definitions))
        path = f"/wallets/{create(invoke)['id']}"
        order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001", "client_order_id": "once"}

        _fail(run, db, code, "find", "aggregate", "insert", "update", "bulkWrite", "buildInfo")
        assert_unavailable("get_wallet", "GET", path)
        assert_unavailable("place_order", "POST", f"{path}/orders", body=order)
        assert_unavailable("create_wallet", "POST", "/wallets", body=new_wallet())
        assert_unavailable("get_health", "GET", "/health")

        _fail(run, db, code, "update", "bulkWrite")
        assert_unavailable("get_health", "GET", "/health")
        assert_unavailable("place_order", "POST", f"{path}/orders", body=order)
        _fail(run, db, None)
        assert ask("place_order", "POST", f"{path}/orders", body=order).status in {200, 201}
        assert len(ask("list_orders", "GET", f"{path}/orders").json["items"]) == 1


def _fail(run: Run, db: Database, code: int | None, *commands: str) -> None:
    """Make these commands fail with a code from now on, or let all of them pass again."""
    what = {"mode": "off"} if code is None else {"mode": "alwaysOn"}
    data = {"data": {"failCommands": list(commands), "errorCode": code}} if code is not None else {}
    run(db.client.admin.command({"configureFailPoint": "failCommand", **what, **data}))
