"""Scheduled evaluation of paper orders: from the schedule through the queue to the fills."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import pytest
from pymongo.errors import ConnectionFailure

from moniqo_core import bootstrap
from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.errors import MarketDataError, TemporarilyUnavailableError
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, Run
from tests.support import queued_work
from tests.support.engine import NOON, Clock, Engine, clock, engine
from tests.support.lambdas import load_function
from tests.support.round_trips import round_trips
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")


dispatch = partial(queued_work.dispatch, "dispatch_evaluation")
received = partial(queued_work.received, "evaluation_queue_url")
work = partial(queued_work.work, "evaluate_orders")
message = partial(queued_work.message, scheduled=datetime(2026, 3, 2, 17, tzinfo=UTC))


def entries(database: Database, run: Run, wallet: str) -> list[dict[str, Any]]:
    return run(database.demo_wallet_ledger.find({"user_wallet_id": wallet}).sort("seq", 1).to_list())


def test_only_wallets_with_orders_or_holdings_are_dispatched(engine: Engine, clock: Clock) -> None:
    idle, holding, waiting = engine.create(), engine.create(), engine.create()
    engine.place(holding, amount="0.1")
    engine.place(waiting, amount="0.1", type="limit", price="20000")
    assert dispatch(clock.now) == 1
    assert json.loads(received()[0]["body"])["user_wallet_ids"] == [waiting]

    clock.forward(minutes=61)
    assert dispatch(clock.now) == 2
    assert work(received()) == []
    assert idle
    # What only holds something was looked at within the hour.
    assert dispatch(clock.now) == 1
    received()
    clock.forward(minutes=61)
    assert dispatch(clock.now) == 2


def test_exits_of_paused_wallets_are_evaluated_and_deleted_wallets_are_not(engine: Engine, clock: Clock) -> None:
    paused, deleted = engine.create(), engine.create()
    for wallet in (paused, deleted):
        engine.place(wallet, amount="0.1", stop_loss={"percent": "30"})
    engine.ask("pause_wallet", "POST", paused, "/pause", body={})
    engine.ask("delete_wallet", "DELETE", deleted, "", query={"force": "true"})
    assert dispatch(clock.now) == 1
    (record,) = received()
    assert json.loads(record["body"])["user_wallet_ids"] == [paused]
    assert work([record, message(deleted, "nobody", name="m-2")]) == []


def test_scheduled_evaluation_expires_orders(engine: Engine, clock: Clock, database: Database, run: Run) -> None:
    wallet = engine.create()
    until = clock.now + timedelta(minutes=2)
    order = engine.place(
        wallet, amount="0.1", type="limit", price="20000", time_in_force="GTD", expires_at=rfc3339(until)
    )
    clock.forward(minutes=3)
    dispatch(clock.now)
    assert work(received()) == []
    last = entries(database, run, wallet)[-1]
    assert (last["kind"], last["orders"][0]["status"]) == ("mark", "expired")
    assert dispatch(clock.now) == 0
    assert engine.order(wallet, order["order_id"])["status"] == "expired"


def test_evaluation_frequency_does_not_change_the_outcome(engine: Engine, clock: Clock) -> None:
    often, once = engine.create(), engine.create()
    for wallet in (often, once):
        engine.place(wallet, amount="0.5")
        engine.place(wallet, side="sell", amount="0.2", type="trailing_stop", trail_percent="0.4")
        engine.place(wallet, amount="0.1", type="limit", price=engine.away("-0.004"), stop_loss={"percent": "0.3"})
    for _ in range(36):
        clock.forward(minutes=20)
        assert work([message(often)]) == []
    told = [
        [
            (order["order_id"].rpartition("-")[2], order["status"], order["fills"] and order["fills"][0]["price"])
            for order in engine.get("list_orders", wallet, "/orders")["items"]
        ]
        for wallet in (often, once)
    ]
    assert told[0] == told[1]
    balances = [engine.get("get_balance", wallet, "/balance") for wallet in (often, once)]
    assert balances[0]["assets"] == balances[1]["assets"]
    engine.replay(often, once)


def test_evaluation_without_changes_is_one_round_trip_for_all_wallets(engine: Engine, clock: Clock) -> None:
    wallets = [engine.create() for _ in range(5)]
    for wallet in wallets:
        engine.place(wallet, amount="0.1", type="limit", price="20000")
    clock.forward(minutes=5)
    with round_trips() as commands:
        assert work([message(*wallets)]) == []
    assert commands == ["aggregate"]
    clock.forward(minutes=56)
    with round_trips() as commands:
        assert work([message(*wallets)]) == []
    assert commands == ["aggregate", *["bulkWrite"] * 5]


def test_long_path_is_evaluated_in_parts(engine: Engine, clock: Clock, database: Database, run: Run) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.1", type="limit", price="20000")
    clock.forward(days=20)
    for part in (8, 16, 20):
        assert work([message(wallet)]) == []
        state = run(database.demo_wallet_state.find_one({"_id": wallet}))
        assert state is not None
        (until,) = state["evaluated_until"].values()
        assert round((until - NOON) / timedelta(days=1)) == part


def test_failing_wallet_does_not_block_others(
    engine: Engine, clock: Clock, environment: pytest.MonkeyPatch, database: Database, run: Run
) -> None:
    wallets = [engine.create() for _ in range(4)]
    for wallet in wallets:
        engine.place(wallet, amount="0.1", type="limit", price="20000")
    clock.forward(minutes=61)
    errors: dict[str, Exception] = {
        wallets[0]: MarketDataError("no data"),
        wallets[1]: RuntimeError("broken"),
        wallets[2]: TemporarilyUnavailableError("too busy"),
    }
    healthy = DemoWallet.evaluate

    async def evaluate(self: DemoWallet) -> bool:
        if self.user_wallet_id in errors:
            raise errors[self.user_wallet_id]
        return await healthy(self)

    environment.setattr(DemoWallet, "evaluate", evaluate)
    records = [message(wallet, name=str(number)) for number, wallet in enumerate(wallets)]
    assert work([*records, {"messageId": "bad", "body": "not json"}]) == ["bad", "1", "2"]
    assert [entries(database, run, wallet)[-1]["kind"] for wallet in wallets] == ["place"] * 3 + ["mark"]


def test_database_outage_fails_the_whole_batch(engine: Engine, environment: pytest.MonkeyPatch, run: Run) -> None:
    from moniqo_core.storage.client import connect
    from moniqo_core.wallets.connector import WalletConnector

    wallet = engine.create()
    nowhere = connect("mongodb://127.0.0.1:9/?directConnection=true", "nowhere")
    environment.setattr(bootstrap, "wallets", cache(lambda: WalletConnector(nowhere)))
    bootstrap.order_evaluation.cache_clear()
    with pytest.raises(ConnectionFailure):
        work([message(wallet)])
    run(nowhere.client.close())


def test_sync_writes_no_ledger_marks(engine: Engine, clock: Clock, database: Database, run: Run) -> None:
    wallets = [engine.create() for _ in range(3)]
    for wallet in wallets:
        engine.place(wallet, amount="0.1", stop_loss={"percent": "30"})
    clock.forward(hours=5)
    records = [message(*wallets)]
    with round_trips() as commands:
        load_function("sync_wallets").handler({"Records": records}, None)
    assert commands == ["update", "aggregate", "bulkWrite"]
    assert [len(entries(database, run, wallet)) for wallet in wallets] == [2, 2, 2]
