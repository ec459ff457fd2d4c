"""Every function answers its sample event under Lambda's own runtime client, with only its folder and the built layers.

These tests find what the layers lack. The events tell one story: events/create_wallet.json creates the wallet that the
other events refer to. Each event must therefore succeed on a database that was prepared for it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from moto.server import ThreadedMotoServer

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_source import SecretsManagerKeys
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.http.schemas.wallets.requests import CreateWalletRequest
from moniqo_core.migrations.listed import REQUIRED
from moniqo_core.migrations.run import migrate
from moniqo_core.services.shared.user_quotas import WalletLimit
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.creation import WalletCreation
from moniqo_core.storage.client import connect
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from moniqo_core.storage.wallets.wallet_slots import WalletSlots
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.support import layer
from tests.support.lambda_runtime import ExecutionEnvironment, Outcome, cold_start, make_runtime
from tests.support.prepared_runtime import PreparedRuntime
from tests.support.stack import ROOT, functions, template
from tests.support.wallets import ring_of_one_key

AT_ONCE: Final = 2
FUNCTIONS: Final = sorted(functions())
STATUS: Final = {
    "create_definition": 201,
    "create_wallet": 201,
    "place_order": 201,
    "close_position": 201,
    "fork_wallet": 201,
    "delete_definition": 204,
    "delete_wallet": 204,
}
WORKERS: Final[dict[str, object]] = {
    "dispatch_sync": {"queued": 1},
    "sync_wallets": {"batchItemFailures": []},
    "dispatch_evaluation": {"queued": 1},
    "evaluate_orders": {"batchItemFailures": []},
    "reconcile_orders": {"queried": 0, "ended": 0, "postponed": 0},
    "reencrypt_credentials": {"moved": 0, "unreadable": 0, "left": 0},
    "rotate_key": None,
}
PUBLISHED: Final[dict[str, dict[str, list[float]]]] = {
    "dispatch_sync": {"WalletsDue": [1.0]},
    "sync_wallets": {"WalletsSynced": [1.0], "WalletsFailed": [0.0]},
    "dispatch_evaluation": {"EvaluationsDue": [1.0]},
    "evaluate_orders": {"WalletsEvaluated": [1.0], "EvaluationsPutOff": [0.0]},
    "reconcile_orders": {"OrdersLookedAt": [0.0], "OrdersPutOff": [0.0]},
    "reencrypt_credentials": {
        "CredentialsMoved": [0.0],
        "CredentialsUnreadable": [0.0],
        "CredentialsLeft": [0.0],
        "FingerprintsCompleted": [0.0],
    },
    "rotate_key": {},
}
# What takes long to import, and who needs it for the event.
SLOW: Final = {
    "aws_lambda_powertools": {*WORKERS},
    # A demo wallet never needs what talks to venues, though its function may carry it.
    "aiohttp": set(),
    "ccxt.base.exchange": set(),
    # FastAPI tries to import pydantic.v1 for every route. The layer lacks it. Python reports the attempt all the same.
    "pydantic.v1.main": set(),
    "boto3": {"dispatch_sync", "dispatch_evaluation", "login", "refresh_token", "rotate_key"},
    "fastapi": {*FUNCTIONS} - {*WORKERS},
}
# What an order and the balance of a demo wallet do without. Each takes long to import, mostly to make its classes.
NOT_NEEDED: Final = {
    "moniqo_core.domain.ledger.journal",
    "moniqo_core.domain.orders.rule_check",
    "moniqo_core.domain.paper.preflight",
    "moniqo_core.domain.portfolio.performance",
    "moniqo_core.domain.wallets.definition",
    "moniqo_core.domain.wallets.list_queries",
    "moniqo_core.feeds.polygon",
    "moniqo_core.http.schemas.orders.several_orders",
    "moniqo_core.storage.paper.history",
    "moniqo_core.storage.paper.orders.of_account",
    "moniqo_core.wallets.demo.history",
    "moniqo_core.wallets.live_connector",
    "moniqo_core.wallets.new_account",
}
# The other functions for HTTP start from a process that has imported what these two import from the same layers.
ALIKE: Final = {"core": "get_health", "core and exchanges": "get_order"}
COLD: Final = {*WORKERS, *ALIKE.values()}
PREPARED: Final = ("fastapi", "mangum", "pymongo", "simplejson")
STATUS_BEFORE: Final = {"resume_wallet": "paused", "reinstate_wallet": "suspended"}
AWS: Final = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


Ran = tuple[Outcome, str, frozenset[str]]


def event_of(function: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function}.json").read_text(encoding="utf-8"))
    return event


def body_of(function: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event_of(function)["body"])
    return body


def before_the_events() -> datetime:
    return datetime(2026, 2, 1, 11, 55, tzinfo=UTC)


async def prepare(url: str, database: str, function: str) -> None:
    """Bring a new database to the state that the event of ``function`` is about."""
    db = connect(url, database)
    try:
        async for _ in migrate(db, lambda _: None, REQUIRED):
            pass
        if function == "create_wallet":
            return
        now = before_the_events if function in WORKERS else utc_now
        connector = WalletConnector(db, now)
        cipher = CredentialCipher(SecretsManagerKeys(KeyRingSecret("not needed for a demo wallet")))
        limit = WalletLimit(1, WalletSlots(db), now)
        definitions = DefinitionStore(db)
        fingerprints = AccountFingerprints(VenueAccounts(db), definitions, cipher)
        creation = WalletCreation(definitions, UserWalletStore(db), connector, cipher, limit, fingerprints, now)
        event = event_of("create_wallet")
        owner, key = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], event["headers"]["idempotency-key"]
        body = json.loads(event["body"], parse_float=Decimal)
        request = CreateWalletRequest.model_validate(body).to_new_wallet()
        wallet = (await creation.create(owner, request, key)).wallet
        if function not in {"dispatch_sync", "sync_wallets"}:
            await give_history(await connector.connect_demo(owner, wallet.id), STATUS_BEFORE.get(function))
    finally:
        await db.client.close()


async def give_history(wallet: DemoWallet, status: str | None) -> None:
    """Place the orders o-2-1, which fills, and o-3-1, which rests."""
    amount, far_below = Decimal("0.001"), Decimal(20_000)
    await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, amount)
    await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, amount, far_below)
    if status is not None:
        await wallet.record(SetStatus(status, "admin", "a test"), {})


@pytest.fixture(scope="module")
def values(mongo_url: str) -> Iterator[dict[str, str]]:
    """Values of all variables the template gives to functions, with the AWS services they lead to."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = {"AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port())}
        client = partial(
            boto3.client,
            endpoint_url=endpoint["AWS_ENDPOINT_URL"],
            region_name=AWS["AWS_REGION"],
            aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
        )
        yield AWS | endpoint | make_services(client, mongo_url)
    finally:
        server.stop()


def make_services(client: Any, mongo_url: str) -> dict[str, str]:
    secrets, cognito = client("secretsmanager"), client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="users", UsernameAttributes=["email"])["UserPool"]["Id"]
    users = cognito.create_user_pool_client(UserPoolId=pool, ClientName="users")
    user = body_of("login")
    cognito.admin_create_user(UserPoolId=pool, Username=user["email"], MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=user["email"], Password=user["password"], Permanent=True)
    return {
        "ENVIRONMENT": "test",
        "MONGODB_SECRET_ID": secrets.create_secret(Name="mongodb", SecretString=mongo_url)["ARN"],
        "MONGODB_URL": "",
        "KEY_SECRET_ID": secrets.create_secret(Name="keys", SecretString=ring_of_one_key())["ARN"],
        "SYNC_QUEUE_URL": client("sqs").create_queue(QueueName="sync")["QueueUrl"],
        "EVALUATION_QUEUE_URL": client("sqs").create_queue(QueueName="evaluation")["QueueUrl"],
        "JWT_ISSUER": "https://issuer.example.test/pool",
        "USER_POOL_ID": pool,
        "JWT_CLIENT_ID": users["UserPoolClient"]["ClientId"],
        "JWT_USER_CLAIM": "sub",
        "JWT_GROUPS_CLAIM": "cognito:groups",
        "LIVE_TRADING": "false",
        "PRICE_VENUES": "",
        "VENUE_HOSTS": "",
        "POLYGON_SECRET_ID": "",
        "EGRESS_ADDRESS": "",
        "WALLETS_PER_USER": "100",
        "ORDERS_PER_MINUTE": "600",
        "SYNCS_PER_MINUTE": "60",
        "POWERTOOLS_SERVICE_NAME": "moniqo-wallets",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Moniqo",
    }


def variables_of(function: str, values: Mapping[str, str], database: str) -> dict[str, str]:
    """Return what the template gives this function, and the variables that Lambda sets."""
    everywhere = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = functions()[function].get("Environment", {}).get("Variables", {})
    known = {**values, "MONGODB_DATABASE": database}
    return {name: known[name] for name in [*everywhere, *own, *AWS, "AWS_ENDPOINT_URL"]}


def layers_of(function: str) -> str:
    return "core and exchanges" if "Layers" in functions()[function] else "core"


@dataclass(frozen=True)
class Places:
    """Where functions find packages."""

    layers: dict[str, list[Path]]
    runtime: Path
    prepared: dict[str, PreparedRuntime]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The built layers, and a process for each set of them that has imported what all functions for HTTP import."""
    core, exchanges = (layer.build("host", name) for name in ("core", "exchanges"))
    layers = {"core": [core], "core and exchanges": [core, exchanges]}
    folder = tmp_path_factory.mktemp("prepared")
    runtime = make_runtime(tmp_path_factory.mktemp("runtime"))
    with ExitStack() as stack:
        prepared = {
            name: stack.enter_context(
                PreparedRuntime([*(each / "python" for each in carried), runtime], PREPARED, folder / f"{name}.log")
            )
            for name, carried in layers.items()
        }
        yield Places(layers, runtime, prepared)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    mongo_url: str,
    values: dict[str, str],
    places: Places,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[Ran]]]:
    """Run the functions of the selected tests, a few at once."""
    folder = tmp_path_factory.mktemp("functions")
    chosen = [
        str(item.callspec.params["function"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    ]

    def run(function: str) -> Ran:
        database = f"event_{function}"
        asyncio.run(prepare(mongo_url, database, function))
        event = event_of(function)
        if function == "refresh_token":
            event["body"] = json.dumps({"refresh_token": refresh_token(values)})
        if function == "rotate_key":
            event["SecretId"] = values["KEY_SECRET_ID"]
        variables = variables_of(function, values, database) | {"PYTHONPROFILEIMPORTTIME": "1"}
        layers, prepared = places.layers[layers_of(function)], places.prepared[layers_of(function)]
        start = cold_start if function in COLD else prepared.start
        with ExecutionEnvironment(
            function, layers, places.runtime, variables, folder / f"{function}.log", start=start
        ) as environment:
            outcome = environment.invoke(event)
            earlier = "" if function in COLD else prepared.log()
            return outcome, *parted(earlier + environment.log())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {function: pool.submit(run, function) for function in dict.fromkeys(chosen)}
        pool.shutdown(cancel_futures=True)


def parted(log: str) -> tuple[str, frozenset[str]]:
    """Part what was printed from the names of the modules that were imported."""
    lines = log.splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    return "\n".join(line for line in lines if not line.startswith("import time:")), frozenset(imported)


def refresh_token(values: Mapping[str, str]) -> str:
    user = body_of("login")
    answer = boto3.client(
        "cognito-idp",
        endpoint_url=values["AWS_ENDPOINT_URL"],
        region_name=values["AWS_REGION"],
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
    ).admin_initiate_auth(
        UserPoolId=values["USER_POOL_ID"],
        ClientId=values["JWT_CLIENT_ID"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user["email"], "PASSWORD": user["password"]},
    )
    return str(answer["AuthenticationResult"]["RefreshToken"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_answers_its_event(function: str, outcomes: dict[str, Future[Ran]]) -> None:
    outcome, log, _ = outcomes[function].result()
    assert outcome.kind == "response", (outcome.body, log)
    if function in WORKERS:
        assert outcome.body == WORKERS[function], log
        return
    assert outcome.body["statusCode"] == STATUS.get(function, 200), (outcome.body, log)
    assert '"level": "ERROR"' not in log
    assert '"level":"ERROR"' not in log


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_imports_slow_modules_only_if_needed(function: str, outcomes: dict[str, Future[Ran]]) -> None:
    _, _, imported = outcomes[function].result()
    assert {name for name in SLOW if name in imported} == {name for name, users in SLOW.items() if function in users}


@pytest.mark.parametrize("function", ["get_balance", "place_order"])
def test_function_of_a_demo_wallet_imports_only_what_it_needs(function: str, outcomes: dict[str, Future[Ran]]) -> None:
    _, _, imported = outcomes[function].result()
    assert imported & NOT_NEEDED == set()


def test_modules_that_are_not_needed_exist() -> None:
    """Otherwise a renamed module could be imported again without notice."""
    assert [name for name in sorted(NOT_NEEDED) if find_spec(name) is None] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_log_lines_name_the_invocation(function: str, outcomes: dict[str, Future[Ran]]) -> None:
    _, log, _ = outcomes[function].result()
    lines = [json.loads(line) for line in log.splitlines()]
    metrics = [line for line in lines if "_aws" in line]
    assert [{name: line.get(name) for name in PUBLISHED[function]} for line in metrics] == [
        PUBLISHED[name] for name in PUBLISHED if name == function and PUBLISHED[name]
    ]
    logged = [line for line in lines if "_aws" not in line]
    assert len(logged) == (function not in WORKERS or function == "rotate_key")
    for line in logged:
        assert {"level", "location", "message", "timestamp", "service", "cold_start"} <= set(line)
        assert line["function_name"] == function
        assert str(uuid.UUID(line["function_request_id"])) == line["function_request_id"]


@pytest.mark.parametrize(("layers", "function"), ALIKE.items())
def test_prepared_packages_are_those_of_a_cold_start(
    layers: str, function: str, places: Places, outcomes: dict[str, Future[Ran]]
) -> None:
    """Otherwise a function could use, without importing it, what only the preparation imported."""
    _, _, imported = outcomes[function].result()
    printed, earlier = parted(places.prepared[layers].log())
    assert printed == ""
    assert set(PREPARED) <= earlier
    assert earlier <= imported


def test_packages_of_the_test_environment_are_hidden(tmp_path: Path) -> None:
    """Without the layer no function starts. Otherwise the tests above would prove nothing."""
    nothing, runtime = tmp_path / "layer", tmp_path / "runtime"
    (nothing / "python").mkdir(parents=True)
    runtime.mkdir()
    with ExecutionEnvironment("get_health", [nothing], make_runtime(runtime), AWS, tmp_path / "log") as environment:
        outcome = environment.invoke({})
    assert outcome.kind == "init/error"
    assert "No module named" in outcome.body["errorMessage"]
