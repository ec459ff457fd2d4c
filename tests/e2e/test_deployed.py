"""The template, deployed to an emulator of AWS with `sam deploy` and used over its HTTP API.

The tests tell one story about one deployment. They run in this order. At the end it is deleted and recovered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import pytest
from pymongo import MongoClient

from tests.support.deployment import STACK, Deployment, Person, deploy, deploy_again, next_release
from tests.support.emulator import emulator
from tests.support.mongo import embedded_server
from tests.support.stack import functions, routes
from tests.support.venues.binance import FakeBinance
from tests.support.venues.server import FakeVenue
from tests.support.wallets import LIMITS, new_wallet

BASE: Final = "/api/v1"
TRADER: Final = Person("trader@example.com", "Canary-Passw0rd-Trader")
ADMIN: Final = Person("admin@example.com", "Canary-Passw0rd-Admin", ("admin",))
BINANCE: Final = "binance-spot-v1"
BUY: Final = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.001", "price": "40000"}
VISIBILITY_SECONDS: Final = 5
RECEIVES: Final = 5
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployment]:
    with embedded_server() as mongodb_url, emulator(os.environ["MINISTACK_PYTHON"]) as aws:
        deployment = deploy(os.environ["SAM"], aws, mongodb_url, LiveTrading="true")
        deployment.add(TRADER)
        deployment.add(ADMIN)
        # No rotation is scheduled, so the operator makes the first key.
        made = administer(deployment, "keys", "rotate", "--local", "--no-wait")
        assert made.returncode == 0, made.stdout + made.stderr
        yield deployment


@pytest.fixture(scope="module")
def token(deployed: Deployment) -> str:
    return deployed.login(TRADER)


@pytest.fixture(scope="module")
def untouched(deployed: Deployment, token: str) -> str:
    """A wallet without manual syncs."""
    return create(deployed, token, "Left to the schedule")


@pytest.fixture(scope="module")
def venue(deployed: Deployment) -> Iterator[FakeVenue]:
    """A fake Binance at the address of the Binance definition."""
    with FakeBinance() as fake:
        config = {"base_url": fake.url, "rate_limits": {"requests_per_second": 1000}}
        path = f"{BASE}/wallets/definitions/{BINANCE}"
        changed = deployed.call("PATCH", path, {"api_config": config}, deployed.login(ADMIN))
        assert changed.status == 200, changed.body
        yield fake


@pytest.fixture(scope="module")
def encrypted(deployed: Deployment, token: str) -> str:
    """A wallet with a credential that only the key ring of this deployment can decrypt."""
    path = f"{BASE}/wallets/definitions/demo-wallet-v1"
    fields = deployed.call("GET", path).json["required_credentials"]
    asked = {"field_name": "api_key", "display_label": "Key", "field_type": "text", "validation_regex": ".{8,80}"}
    changed = deployed.call("PATCH", path, {"required_credentials": [*fields, asked]}, deployed.login(ADMIN))
    assert changed.status == 200, changed.body
    return create(deployed, token, "Kept", credentials={"initial_balance_usd": "10000", "api_key": "kept-from-loss"})


def administer(deployed: Deployment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `moniqo-admin` on the deployment, as an operator does."""
    environment = {**deployed.emulator.environment, "AWS_REGION": deployed.emulator.environment["AWS_DEFAULT_REGION"]}
    environment |= {"MONGODB_URL": deployed.mongodb_url, "KEY_SECRET_ID": deployed.resources["KeySecret"]}
    command = [sys.executable, "-m", "moniqo_core.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def create(deployed: Deployment, token: str, name: str, **fields: object) -> str:
    reply = deployed.call("POST", f"{BASE}/wallets", new_wallet(custom_name=name, **fields), token)
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


def sync_log(deployed: Deployment, token: str, wallet: str) -> list[dict[str, Any]]:
    reply = deployed.call("GET", f"{BASE}/wallets/{wallet}/sync-log", token=token)
    assert reply.status == 200, reply.body
    entries: list[dict[str, Any]] = reply.json["items"]
    return entries


def wait_for(look: Callable[[], Found], what: str, deployed: Deployment, seconds: float) -> Found:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, (
            f"{what} did not happen within {seconds} s: {deployed.emulator.log()[-5000:]}"
        )
        time.sleep(0.5)
    return found


def test_every_route_of_the_template_is_deployed(deployed: Deployment) -> None:
    found = deployed.emulator.client("apigatewayv2").get_routes(ApiId=deployed.resources["Api"], MaxResults="500")
    assert {route["RouteKey"] for route in found["Items"]} == {key for _, key, _ in routes()}


def test_only_public_routes_need_no_token(deployed: Deployment, untouched: str) -> None:
    definitions = deployed.call("GET", f"{BASE}/wallets/definitions")
    assert definitions.status == 200, definitions.body
    assert "demo-wallet-v1" in [item["slug"] for item in definitions.json["items"]]
    assert deployed.call("GET", f"{BASE}/health").status == 200
    assert deployed.call("GET", "/api/docs").status == 200
    for token in (None, "not.a.token"):
        refused = deployed.call("GET", f"{BASE}/wallets", token=token)
        assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})
    assert deployed.call("GET", f"{BASE}/nothing").status == 404


def test_new_user_trades_and_sees_the_right_balance(deployed: Deployment, token: str) -> None:
    wallet = create(deployed, token, "My First Demo Wallet")
    path = f"{BASE}/wallets/{wallet}"
    listed = deployed.call("GET", f"{BASE}/wallets", token=token).json["items"]
    assert wallet in [item["id"] for item in listed]
    tested = deployed.call("POST", f"{path}/test-connection", token=token)
    assert (tested.status, tested.json["success"]) == (200, True), tested.body

    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"}
    placed = deployed.call("POST", f"{path}/orders", order, token, {"Idempotency-Key": "first"})
    assert (placed.status, placed.json["status"]) == (201, "filled"), placed.body
    again = deployed.call("POST", f"{path}/orders", order, token, {"Idempotency-Key": "first"})
    assert (again.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json["order_id"] == placed.json["order_id"]

    left = Decimal(10_000) - Decimal(placed.json["filled_quote"]) - Decimal(placed.json["fee"])
    expected = {"BTC": Decimal("0.01"), "USDT": left}
    balance = deployed.call("GET", f"{path}/balance", token=token)
    assert amounts(balance.json["assets"]) == expected
    synced = deployed.call("POST", f"{path}/sync-balance", token=token)
    assert (synced.status, synced.json["success"], synced.json["assets_count"]) == (200, True, 2), synced.body
    assert amounts(deployed.call("GET", path, token=token).json["balance"]["assets"]) == expected


def amounts(assets: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {asset["asset"]: Decimal(asset["total"]) for asset in assets}


def test_only_admins_may_suspend_wallets(deployed: Deployment, token: str) -> None:
    wallet = create(deployed, token, "To be suspended")
    body = {"reason": "a test"}
    refused = deployed.call("POST", f"{BASE}/wallets/{wallet}/suspend", body, token)
    assert (refused.status, refused.json["code"]) == (403, "FORBIDDEN")
    admin = deployed.login(ADMIN)
    assert deployed.call("POST", f"{BASE}/wallets/{wallet}/suspend", body, admin).status == 200
    assert deployed.call("GET", f"{BASE}/wallets/{wallet}", token=token).json["status"] == "suspended"
    assert deployed.call("GET", f"{BASE}/wallets/{wallet}", token=admin).status == 404


def sync_message(wallet: str) -> str:
    now = datetime.now(UTC).isoformat()
    return json.dumps({"sync_id": f"{now}/{wallet}", "scheduled_time": now, "user_wallet_ids": [wallet]})


def test_failing_message_is_redelivered_and_blocks_no_other(deployed: Deployment, token: str) -> None:
    sqs, queue = deployed.emulator.client("sqs"), deployed.resources["SyncQueue"]
    first, second = create(deployed, token, "First"), create(deployed, token, "In the same batch")
    sqs.send_message(QueueUrl=queue, MessageBody=sync_message(first))
    wait_for(lambda: sync_log(deployed, token, first), "a sync from the queue", deployed, 30)

    # The worker is warm now and needs far less than this; with the template's value a redelivery is due in six minutes.
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
    poison = "this is not a sync message"
    bodies = enumerate([poison, sync_message(second)])
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": body} for n, body in bodies])
    assert len(sent["Successful"]) == 2
    # The schedule may have fired meanwhile and asked for another sync.
    (entry, *_) = wait_for(lambda: sync_log(deployed, token, second), "the sync of the good message", deployed, 30)
    assert (entry["sync_type"], entry["status"]) == ("scheduled", "success")
    (letter,) = wait_for(lambda: dead_letters(deployed), "giving up the bad message", deployed, 60)
    assert letter["Body"] == poison
    assert deployed.emulator.log().count("(1 partial failures)") == RECEIVES
    wait_for(lambda: is_empty(deployed), "deleting what was processed", deployed, 10)


def is_empty(deployed: Deployment) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs, queue = deployed.emulator.client("sqs"), deployed.resources["SyncQueue"]
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return {counts[name] for name in names} == {"0"}


def dead_letters(deployed: Deployment) -> list[dict[str, Any]]:
    queue = deployed.resources["SyncDeadLetters"]
    answer = deployed.emulator.client("sqs").receive_message(QueueUrl=queue, VisibilityTimeout=0)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_schedule_syncs_a_wallet(deployed: Deployment, token: str, untouched: str) -> None:
    seconds = 60 + 10 + 30  # the rate, the emulator's clock, two cold starts
    (entry, *_) = wait_for(lambda: sync_log(deployed, token, untouched), "the schedule", deployed, seconds)
    assert (entry["sync_type"], entry["status"]) == ("scheduled", "success")
    balance = deployed.call("GET", f"{BASE}/wallets/{untouched}", token=token).json["balance"]
    assert balance["last_synced_at"] is not None
    assert amounts(balance["assets"]) == {"USDT": Decimal(10_000)}


def test_second_release_serves_its_code_and_its_parameters(
    deployed: Deployment, token: str, venue: FakeVenue, record_property: Callable[[str, object], None]
) -> None:
    credentials = venue.credentials()
    wallet = create(deployed, token, "Live", wallet_id=BINANCE, credentials=credentials, risk_limits=LIMITS)
    path = f"{BASE}/wallets/{wallet}"
    assert deployed.call("POST", f"{path}/sync-balance", token=token).json["success"]
    accepted = deployed.call("POST", f"{path}/orders", BUY, token, {"Idempotency-Key": "live"})
    assert (accepted.status, accepted.json["status"]) == (201, "open"), accepted.body

    began = time.monotonic()
    # Without its line LiveTrading is off again, as documented.
    deploy_again(os.environ["SAM"], deployed, next_release(deployed.emulator.folder))
    record_property("Seconds of the second deployment", round(time.monotonic() - began))
    assert live_versions(deployed) == {"2": len(functions())}
    health = deployed.call("GET", f"{BASE}/health")
    assert (health.status, health.json) == (200, {"status": "again", "database": "again"})
    refused = deployed.call("POST", f"{path}/orders", BUY, token, {"Idempotency-Key": "refused"})
    assert (refused.status, refused.json["code"]) == (422, "ORDER_REJECTED"), refused.body
    assert refused.json["detail"].startswith("Live trading"), refused.body


def live_versions(deployed: Deployment) -> Counter[str]:
    """Count the functions by the version that their alias `live` names."""
    client = deployed.emulator.client("lambda")
    pages = client.get_paginator("list_functions").paginate()
    names = [function["FunctionName"] for page in pages for function in page["Functions"]]
    return Counter(client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] for name in names)


def test_no_log_line_holds_a_password_or_a_token(deployed: Deployment, token: str) -> None:
    logs = deployed.emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = [page for name in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name)]
    lines = [event["message"] for page in pages for event in page["events"]]
    assert any("place_order" in line or "/orders" in line for line in lines), "the functions logged nothing"
    written = deployed.emulator.log() + "\n".join(lines)
    for secret in (TRADER.password, ADMIN.password, token, deployed.mongodb_url):
        assert secret not in written


def test_deleted_stack_leaves_only_irreplaceable_resources(deployed: Deployment, encrypted: str) -> None:
    cloudformation = deployed.emulator.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    client = deployed.emulator.client
    assert client("lambda").list_functions()["Functions"] == []
    assert client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
    assert client("scheduler").list_schedules()["Schedules"] == []
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert client("apigatewayv2").get_apis()["Items"] == []
    client("cognito-idp").describe_user_pool(UserPoolId=deployed.resources["UserPool"])
    client("secretsmanager").describe_secret(SecretId=deployed.resources["KeySecret"])
    with MongoClient[dict[str, Any]](deployed.mongodb_url) as mongo:
        assert mongo["moniqo"]["user_wallets"].count_documents({}) > 0


def test_new_stack_with_the_kept_keys_and_users_serves_the_same_wallets(
    deployed: Deployment, encrypted: str, record_property: Callable[[str, object], None]
) -> None:
    """The steps of docs/guides/recover.md for the loss of the stack."""
    began = time.monotonic()
    keys = deployed.emulator.client("secretsmanager").describe_secret(SecretId=deployed.resources["KeySecret"])
    kept = {"ExistingKeySecretArn": keys["ARN"], "ExistingUserPoolId": deployed.resources["UserPool"]}
    recovered = deploy(os.environ["SAM"], deployed.emulator, deployed.mongodb_url, **kept)
    record_property("Seconds to recover a deleted stack", round(time.monotonic() - began))
    assert recovered.resources["Api"] != deployed.resources["Api"]

    token = recovered.login(TRADER)
    path = f"{BASE}/wallets/{encrypted}"
    assert recovered.call("GET", path, token=token).json["custom_name"] == "Kept"
    tested = recovered.call("POST", f"{path}/test-connection", token=token)
    assert (tested.status, tested.json["success"]) == (200, True), tested.body
    status = administer(recovered, "keys", "status")
    assert status.returncode == 0, status.stdout + status.stderr
    body = {"reason": "the admin is still one"}
    assert recovered.call("POST", f"{path}/suspend", body, recovered.login(ADMIN)).status == 200
