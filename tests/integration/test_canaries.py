"""Canaries: marked credentials that must not appear anywhere in what the service writes, in success or in failure.

The demo definition asks for two additional encrypted fields here. They are created, replaced, synced and refused in the
same way as the API key of an exchange.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from moniqo_core import bootstrap, event_loop
from moniqo_core.cli.keys import table
from moniqo_core.credentials.key_rotation import STEPS, RotationError
from moniqo_core.domain.clock import rfc3339, utc_now
from moniqo_core.http import authentication
from tests.conftest import Database, Run
from tests.support import lambdas
from tests.support.api import EMAIL, PASSWORD, user_pool
from tests.support.clock import put_clock_forward
from tests.support.lambdas import ADMIN, STRANGER, TRADER, Answer, User, call, http_event, load_function
from tests.support.secret_search import find_secrets, leaks, texts_in
from tests.support.wallets import DEMO, KEY_SECRET, aws, new_wallet

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

CIPHERTEXT_AT = "user_wallets.credentials"
BALANCE = {"field_name": "initial_balance_usd", "display_label": "Balance", "is_required": False, "is_encrypted": False}


def new_canary(kind: str) -> str:
    """Return a secret of a kind: as venues make them, or with unusual characters."""
    body = secrets.token_hex(16)
    return {
        "key": secrets.token_urlsafe(32).replace("-", "x").replace("_", "y"),
        "odd": f'é"{body}\\/+%&=<{secrets.token_hex(8)}>\u20ac',
        "pem": f"-----BEGIN EC PRIVATE KEY-----\n{body}\n{secrets.token_hex(24)}\n-----END EC PRIVATE KEY-----\n",
    }[kind]


class Watch:
    """Calls handlers, keeps every response, and records which canaries were planted."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str]] = []
        self.canaries: set[str] = set()
        self.ciphertexts: set[str] = set()
        self.materials: set[str] = set()

    def plant(self, kind: str = "key") -> str:
        canary = new_canary(kind)
        self.canaries.add(canary)
        return canary

    def __call__(self, function: str, method: str, path: str, *, user: User | None = TRADER, **given: Any) -> Answer:
        answer = lambdas.invoke(function, method, path, user=user, **given)
        self.answers.append((function, f"{answer.status} {json.dumps(dict(answer.headers))} {answer.text}"))
        return answer

    def see_ciphertexts(self, places: list[tuple[str, str]]) -> None:
        """Remember the stored ciphertexts, which must not appear anywhere else."""
        self.ciphertexts |= {text for place, text in places if place == CIPHERTEXT_AT and text.startswith("v1:")}

    def credentials(self) -> dict[str, str]:
        return {"api_key": self.plant(), "api_secret": self.plant("odd"), "private_key": self.plant("pem")}


def restart(*, connect: bool = False) -> None:
    """Clear the caches of the environment, and with ``connect`` its database connection too."""
    if connect and bootstrap.database.cache_info().currsize:
        event_loop.run(bootstrap.database().client.close())
    for module in (bootstrap, authentication):
        for name, value in vars(module).items():
            if hasattr(value, "cache_clear") and (connect or name != "database"):
                value.cache_clear()


@pytest.fixture
def watch(environment: pytest.MonkeyPatch) -> Watch:
    environment.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    bootstrap.settings.cache_clear()
    made = Watch()
    encrypted = [
        {"field_name": name, "display_label": name, "field_type": kind, "validation_regex": r"[\s\S]{8,4000}"}
        for name, kind in (("api_key", "text"), ("api_secret", "password"), ("private_key", "file"))
    ]
    asks_for = {"required_credentials": [BALANCE, *encrypted]}
    path = f"/wallets/definitions/{DEMO}"
    assert made("update_definition", "PATCH", path, user=ADMIN, body=asks_for).status == 200
    return made


@pytest.fixture
def stored(database: Database, run: Run) -> Any:
    """Every key and value of every collection, with its path."""

    async def read() -> list[tuple[str, str]]:
        places: list[tuple[str, str]] = []
        for name in await database.list_collection_names():
            async for document in database[name].find():
                places += texts_in(document, name)
        return places

    return lambda: run(read())


def messages() -> list[dict[str, Any]]:
    """Take what is in the sync queue, as the records its workers get."""
    sqs = boto3.client("sqs")
    got = sqs.receive_message(QueueUrl=bootstrap.settings().need("sync_queue_url"), MaxNumberOfMessages=10)
    return [{"messageId": message["MessageId"], "body": message["Body"]} for message in got.get("Messages", ())]


@pytest.mark.parametrize("kind", ["key", "odd", "pem"])
def test_leak_search_finds_a_canary_in_every_encoding(kind: str) -> None:
    canary = new_canary(kind)
    for text in (
        f"before {canary} after",
        json.dumps({"a": canary}),
        repr({"a": canary}),
        f"?a={quote(canary, safe='')}",
        canary.encode().hex(),
        *(base64.b64encode(b"x" * size + canary.encode() + b"tail").decode() for size in range(4)),
        canary[3:17],
    ):
        assert leaks(canary, text), text
    assert not leaks(canary, new_canary(kind) if kind != "pem" else "nothing of it")


def test_credentials_appear_nowhere_outside_their_ciphertext(
    watch: Watch,
    stored: Any,
    run: Run,
    database: Database,
    environment: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    first, second = watch.credentials(), watch.credentials()
    wallet = use_wallet(watch, first, second)
    bodies = [json.dumps(record) for record in run_scheduled_sync(watch)]
    send_misplaced_secrets(watch, wallet)
    try_logins(watch, environment)
    opened = run(decrypt_stored(database, wallet))
    assert {name: opened[name] for name in second} == second, "the canaries were never there"
    watch.see_ciphertexts(stored())
    rotate_keys(watch, stored, run, environment)
    opened = run(decrypt_stored(database, wallet))
    assert {name: opened[name] for name in second} == second, "they are there after a rotation too"
    break_dependencies(watch, wallet, database, run, environment, stored)
    assert len(watch.ciphertexts) >= 3

    wrote = capfd.readouterr()
    written = [("stdout", wrote.out), ("stderr", wrote.err), *watch.answers]
    written += [("message", body) for body in bodies]
    assert len(watch.answers) > 40
    assert len(bodies) > 0
    assert wrote.out.count('"message": "request"') > 40
    assert find_secrets(watch.canaries, [*written, *stored()]) == []
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=KEY_SECRET)["SecretString"]
    assert find_secrets(watch.canaries, [("key ring", secret)]) == []
    # Neither the ciphertext nor a key shows, and no field but one holds it.
    hidden = {token.rpartition(":")[2][16:] for token in watch.ciphertexts}
    hidden |= watch.materials | {key["material"] for key in json.loads(secret)["keys"].values()}
    assert len(hidden) >= 6
    elsewhere = [(place, text) for place, text in stored() if place != CIPHERTEXT_AT]
    assert find_secrets(hidden, [*written, *elsewhere]) == []


def use_wallet(watch: Watch, first: dict[str, str], second: dict[str, str]) -> str:
    """Create a wallet, use every ordinary operation on it, and return its id."""
    key = {"Idempotency-Key": "canaries"}
    given = {"initial_balance_usd": "10000", **first}
    made, again = (
        watch("create_wallet", "POST", "/wallets", body=new_wallet(credentials=given), headers=key) for _ in range(2)
    )
    assert (made.status, again.status) == (201, 200), made.text
    assert made.json["has_credentials"]
    other = given | {"api_secret": watch.plant("odd")}
    mismatch = watch("create_wallet", "POST", "/wallets", body=new_wallet(credentials=other), headers=key)
    assert mismatch.json["code"] == "IDEMPOTENCY_MISMATCH"
    path = f"/wallets/{made.json['id']}"
    # A second wallet keeps the first credentials, so their ciphertext stays to be looked for.
    assert watch("create_wallet", "POST", "/wallets", body=new_wallet(credentials=given)).status == 201
    assert watch("replace_credentials", "PUT", f"{path}/credentials", body={"credentials": second}).status == 200
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001", "client_order_id": "a"}
    rest = order | {"type": "limit", "price": "10000", "client_order_id": "b"}
    for function, method, suffix, user, body in (
        ("get_wallet", "GET", "", TRADER, None),
        ("update_wallet", "PATCH", "", TRADER, {"custom_name": "Renamed"}),
        ("test_connection", "POST", "/test-connection", TRADER, None),
        ("place_order", "POST", "/orders", TRADER, order),
        ("place_order", "POST", "/orders", TRADER, rest),
        ("list_orders", "GET", "/orders", TRADER, None),
        ("list_trades", "GET", "/trades", TRADER, None),
        ("get_balance", "GET", "/balance", TRADER, None),
        ("sync_balance", "POST", "/sync-balance", TRADER, None),
        ("get_sync_log", "GET", "/sync-log", TRADER, None),
        ("pause_wallet", "POST", "/pause", TRADER, {"reason": "lunch"}),
        ("resume_wallet", "POST", "/resume", TRADER, {"confirm": True}),
        ("suspend_wallet", "POST", "/suspend", ADMIN, {"reason": "review"}),
        ("reinstate_wallet", "POST", "/reinstate", ADMIN, {"reason": "cleared"}),
    ):
        answer = watch(function, method, path + suffix, user=user, body=body)
        assert answer.status < 300, answer.text
    assert watch("list_wallets", "GET", "/wallets").status == 200
    assert watch("get_definition", "GET", f"/wallets/definitions/{DEMO}", user=None).status == 200
    return str(made.json["id"])


def run_scheduled_sync(watch: Watch) -> list[dict[str, Any]]:
    """Let the schedule sync everything, and return the messages of the queue."""
    load_function("dispatch_sync").handler({"scheduled_time": rfc3339(utc_now())}, None)
    records = messages()
    result = load_function("sync_wallets").handler({"Records": records}, None)
    watch.answers.append(("sync_wallets", json.dumps(result)))
    return records


def rotate_keys(watch: Watch, stored: Any, run: Run, environment: pytest.MonkeyPatch) -> None:
    """Rotate keys, re-encrypt credentials, read the key status, and make each of these fail as well."""
    client, steps = boto3.client("secretsmanager"), load_function("rotate_key").handler
    for hours, token in enumerate(("1" * 36, "2" * 36), start=1):
        for step in (*STEPS, "noSuchStep"):
            event = {"Step": step, "SecretId": KEY_SECRET, "ClientRequestToken": token}
            try:
                steps(event, None)
            except RotationError as error:
                watch.answers.append(("rotate_key", f"{error!r} {error.__cause__!r}"))
        text = client.get_secret_value(SecretId=KEY_SECRET, VersionStage="AWSCURRENT")["SecretString"]
        watch.materials |= {key["material"] for key in json.loads(text)["keys"].values()}
        restart()
        put_clock_forward(environment, timedelta(hours=hours))
        report = load_function("reencrypt_credentials").handler({}, None)
        assert report["moved"] >= 2, report
        watch.answers.append(("reencrypt_credentials", json.dumps(report)))
        watch.see_ciphertexts(stored())
    watch.answers.append(("moniqo-admin keys status", table(*run(bootstrap.reencryption().uses()), utc_now())))


def send_misplaced_secrets(watch: Watch, wallet: str) -> None:
    """Send secrets in fields, queries and headers where they do not belong."""
    path = f"/wallets/{wallet}"
    whole = watch.credentials()
    wrong_credentials: list[object] = [
        {**whole, "passphrase": watch.plant()},
        {**whole, watch.plant(): "a value where the name should be"},
        {**whole, watch.plant("odd"): watch.plant("odd")},
        {**whole, "api_key": watch.plant()[:7]},
        {**whole, "api_key": watch.plant("pem") * 100},
        {**whole, "api_secret": [watch.plant()]},
        {**whole, "api_secret": {watch.plant(): watch.plant()}},
        {"api_key": watch.plant()},
        {**whole, "initial_balance_usd": watch.plant()},
        {**whole, "initial_balance_usd": "77"},
        [watch.plant()],
        watch.plant(),
    ]
    for given in wrong_credentials:
        answer = watch("create_wallet", "POST", "/wallets", body=new_wallet(credentials=given))
        assert 400 <= answer.status < 500 or given == wrong_credentials[9], answer.text
        answer = watch("replace_credentials", "PUT", f"{path}/credentials", body={"credentials": given})
        assert 400 <= answer.status < 500, answer.text
    secret = watch.plant("odd")
    wrong_bodies: list[object] = [
        new_wallet(wallet_id=watch.plant()),
        new_wallet(icon=[watch.plant()]),
        new_wallet(color=watch.plant()),
        new_wallet(risk_limits=watch.plant()),
        new_wallet(**{watch.plant(): 1}),
        new_wallet(api_secret=watch.plant()),
        new_wallet(**{watch.plant("odd"): watch.plant("pem")}),
        json.dumps(new_wallet(credentials={"api_secret": secret}))[:-30],
        f'{{"credentials": {{"{watch.plant()}": 1, "{watch.plant()}": NaN}}}}',
        f"api_key={watch.plant()}",
        watch.plant("pem"),
    ]
    for body in wrong_bodies:
        assert 400 <= watch("create_wallet", "POST", "/wallets", body=body).status < 500
    for query in (
        f"api_key={watch.plant()}",
        f"cursor={watch.plant()}",
        f"limit={watch.plant()}",
        f"{watch.plant()}=1",
    ):
        watch("list_wallets", "GET", "/wallets", query=query)
    for bad in (watch.plant(), f"Basic {watch.plant()}", f"Bearer {watch.plant()}"):
        assert watch("get_wallet", "GET", path, user=None, headers={"authorization": bad}).status in {401, 503}
    for headers in (
        {"x-api-key": watch.plant()},
        {"cookie": watch.plant()},
        {"idempotency-key": watch.plant("odd")[:70]},
    ):
        watch("create_wallet", "POST", "/wallets", body="{", headers=headers)
    assert watch("get_wallet", "GET", path, user=STRANGER).status == 404
    order = {"symbol": watch.plant()[:30], "side": "buy", "type": "market", "amount": watch.plant()}
    assert watch("place_order", "POST", f"{path}/orders", body=order).status == 422


def try_logins(watch: Watch, environment: pytest.MonkeyPatch) -> None:
    """Log in with valid and invalid credentials. Tokens are secrets too."""
    user_pool(environment)
    restart()
    tokens = call("login", http_event("POST", "/auth/login", body={"email": EMAIL, "password": PASSWORD})).json
    watch.canaries |= {PASSWORD, tokens["access_token"].rpartition(".")[2], tokens["refresh_token"]}
    for password in (watch.plant(), watch.plant("odd"), [watch.plant()], watch.plant("pem") * 5):
        body = {"email": EMAIL, "password": password}
        assert watch("login", "POST", "/auth/login", user=None, body=body).status in {401, 422}
    for token in (watch.plant(), {"token": watch.plant()}, watch.plant("odd")):
        answer = watch("refresh_token", "POST", "/auth/refresh", user=None, body={"refresh_token": token})
        assert answer.status in {401, 422}, answer.text


def break_dependencies(
    watch: Watch,
    wallet: str,
    database: Database,
    run: Run,
    environment: pytest.MonkeyPatch,
    stored: Any,
) -> None:
    """Break one dependency after the other while requests carry secrets."""
    path = f"/wallets/{wallet}"
    given = new_wallet(credentials=watch.credentials())

    def everything() -> set[int]:
        statuses = {watch("create_wallet", "POST", "/wallets", body=given).status}
        body = {"credentials": watch.credentials()}
        statuses.add(watch("replace_credentials", "PUT", f"{path}/credentials", body=body).status)
        for function, method, suffix in (
            ("get_wallet", "GET", ""),
            ("test_connection", "POST", "/test-connection"),
            ("sync_balance", "POST", "/sync-balance"),
        ):
            statuses.add(watch(function, method, path + suffix).status)
        load_function("sync_wallets").handler({"Records": [{"messageId": "m", "body": json.dumps(work)}]}, None)
        return statuses

    work = {"sync_id": "s", "scheduled_time": rfc3339(utc_now()), "user_wallet_ids": [wallet]}
    client = boto3.client("secretsmanager")
    ring = client.get_secret_value(SecretId=KEY_SECRET)["SecretString"]
    odd_ring = json.dumps({"keys": {"k": {"material": watch.plant()}}})
    for broken in (odd_ring, watch.plant("pem"), '{"keys": {}}'):
        client.put_secret_value(SecretId=KEY_SECRET, SecretString=broken)
        restart()
        everything()
        watch.see_ciphertexts(stored())
    client.put_secret_value(SecretId=KEY_SECRET, SecretString=ring)
    wallets, statuses = database["user_wallets"], set[int]()
    document = run(wallets.find_one({"_id": wallet}))
    assert document is not None
    token = document["credentials"]
    for field, value in (
        ("credentials", token[:-8]),
        ("credentials", token.replace("v1:", "v9:")),
        ("credentials", token.rpartition(":")[2]),
        ("status", token),
        ("created_at", token),
        ("risk_limits", token),
        ("connection", {token: token}),
        ("balance", {"assets": [token]}),
    ):
        run(wallets.update_one({"_id": wallet}, {"$set": {field: value}}))
        restart()
        statuses |= everything()
        run(wallets.replace_one({"_id": wallet}, document))
    assert 500 in statuses, "nothing unexpected happened, so nobody could have blurted it out"
    environment.setenv("MONGODB_URL", "mongodb://canary-user:" + watch.plant() + "@127.0.0.1:1/?directConnection=true")
    restart(connect=True)
    assert watch("create_wallet", "POST", "/wallets", body=given).status == 503
    run(bootstrap.database().client.close())
    environment.setenv("MONGODB_URL", "mongodb://[" + watch.plant())
    restart(connect=True)
    watch("create_wallet", "POST", "/wallets", body=given)


async def decrypt_stored(database: Database, wallet: str) -> dict[str, str]:
    """Decrypt the stored credentials as a connecting wallet does."""
    document = await database["user_wallets"].find_one({"_id": wallet})
    assert document is not None
    opened = await bootstrap.cipher().decrypt(document["credentials"], TRADER.id, wallet)
    return {name: value.get_secret_value() for name, value in opened.items()}
