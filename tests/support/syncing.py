"""Driving the sync functions as the schedule, the queue and an owner do."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from moniqo import bootstrap
from moniqo.domain.clock import rfc3339
from moniqo.domain.order import OrderSide, OrderType
from moniqo.wallets.demo import DemoWallet
from tests.conftest import Database, Run
from tests.support.lambdas import TRADER, Answer, Invoke, load_function


def sync(invoke: Invoke, wallet_id: str) -> Answer:
    return invoke("sync_balance", "POST", f"/wallets/{wallet_id}/sync-balance", user=TRADER)


def get(invoke: Invoke, wallet_id: str) -> dict[str, Any]:
    wallet: dict[str, Any] = invoke("get_wallet", "GET", f"/wallets/{wallet_id}", user=TRADER).json
    return wallet


def sync_log(invoke: Invoke, wallet_id: str, **query: object) -> dict[str, Any]:
    page: dict[str, Any] = invoke(
        "get_sync_log", "GET", f"/wallets/{wallet_id}/sync-log", user=TRADER, query=query
    ).json
    return page


def dispatch(scheduled: datetime) -> int:
    queued: int = load_function("dispatch_sync").handler({"scheduled_time": rfc3339(scheduled)}, None)["queued"]
    return queued


def received() -> list[dict[str, Any]]:
    """Take every message off the queue, as the records an SQS event source mapping hands over."""
    sqs = boto3.client("sqs")
    url = bootstrap.settings().need("sync_queue_url")
    records: list[dict[str, Any]] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            records.append({"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"})
    return records


def work(records: list[dict[str, Any]]) -> list[str]:
    """Hand records to the worker and return the ids it wants again."""
    answer = load_function("sync_wallets").handler({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def message(*wallets: str, scheduled: datetime, name: str = "m-1") -> dict[str, Any]:
    body = {"sync_id": name, "scheduled_time": rfc3339(scheduled), "user_wallet_ids": list(wallets)}
    return {"messageId": name, "body": json.dumps(body)}


async def buy(user_wallet_id: str, amount: str) -> None:
    wallet = await bootstrap.wallets().connect(TRADER.id, user_wallet_id)
    await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal(amount))


@pytest.fixture
def break_wallet(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the valuation of chosen wallets fail, as a venue would."""
    errors: dict[str, Exception] = {}
    healthy = DemoWallet.valuation

    async def valuation(self: DemoWallet) -> Any:
        if self.user_wallet_id in errors:
            raise errors[self.user_wallet_id]
        return await healthy(self)

    monkeypatch.setattr(DemoWallet, "valuation", valuation)
    return errors


def published(capfd: pytest.CaptureFixture[str]) -> list[dict[str, tuple[float, str]]]:
    """Read the metrics off standard output; nothing but they and the two dimensions may be in a line."""
    found = []
    for line in map(json.loads, filter(lambda text: '"_aws"' in text, capfd.readouterr().out.splitlines())):
        (described,) = line.pop("_aws")["CloudWatchMetrics"]
        assert described["Namespace"] == "Moniqo"
        assert sorted(described["Dimensions"][0]) == ["environment", "service"]
        assert (line.pop("environment"), line.pop("service")) == ("test", "moniqo")
        found.append({metric["Name"]: (*line.pop(metric["Name"]), metric["Unit"]) for metric in described["Metrics"]})
        assert line == {}
    return found


def everything(db: Database, run: Run) -> list[Any]:
    collections = sorted(run(db.list_collection_names()))
    return [run(db[name].find().sort("_id", 1).to_list()) for name in collections]
