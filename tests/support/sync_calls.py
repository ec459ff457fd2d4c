"""Driving the sync functions as the schedule, the queue and an owner do."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, Run
from tests.support import queued_work
from tests.support.lambdas import TRADER, Answer, Invoke


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


dispatch = partial(queued_work.dispatch, "dispatch_sync")
received = partial(queued_work.received, "sync_queue_url")
work = partial(queued_work.work, "sync_wallets")


async def buy(user_wallet_id: str, amount: str) -> None:
    wallet = await bootstrap.wallets().connect(TRADER.id, user_wallet_id)
    await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal(amount))


@pytest.fixture
def break_wallet(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the valuation of chosen wallets fail as a venue does."""
    errors: dict[str, Exception] = {}
    healthy = DemoWallet.valuation

    async def valuation(self: DemoWallet) -> Any:
        if self.user_wallet_id in errors:
            raise errors[self.user_wallet_id]
        return await healthy(self)

    monkeypatch.setattr(DemoWallet, "valuation", valuation)
    return errors


def published(capfd: pytest.CaptureFixture[str]) -> list[dict[str, tuple[float, str]]]:
    """Read the metrics from standard output. A line contains only metrics and the two dimensions."""
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
