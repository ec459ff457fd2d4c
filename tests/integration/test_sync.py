"""Balance sync: on request, and from the schedule through the queue to the workers."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pymongo.errors import ConnectionFailure

from moniqo_core import bootstrap
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.services.wallets.requests import Pause
from moniqo_core.storage.wallets.sync_log import SyncLogStore
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, Run
from tests.support.lambdas import TRADER, Invoke, load_function
from tests.support.queued_work import message
from tests.support.round_trips import round_trips
from tests.support.sync_calls import (
    break_wallet,
    buy,
    dispatch,
    everything,
    get,
    published,
    received,
    sync,
    sync_log,
    work,
)
from tests.support.wallets import aws, create

__all__ = ["aws", "break_wallet"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

CANARY = "canary-venue-text"


async def with_copies(db: Database, wallet: str, count: int) -> list[str]:
    """Copy the documents of a demo wallet until there are ``count``, and return the ids of all."""
    wallets = [wallet, *(str(uuid.uuid4()) for _ in range(count - 1))]
    for name in ("user_wallets", "demo_wallet_state", "demo_wallet_ledger"):
        of_one = [text async for text in db[name].find({"$or": [{"_id": wallet}, {"user_wallet_id": wallet}]})]
        copies = [_renamed(document, wallet, other) for other in wallets[1:] for document in of_one]
        if copies:
            await db[name].insert_many(copies)
    return wallets


def _renamed(value: Any, old: str, new: str) -> Any:
    """Return a stored value with another wallet's id in it."""
    if isinstance(value, dict):
        return {name: _renamed(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


class TestManualSync:
    def test_sync_stores_a_balance_snapshot(self, invoke: Invoke, run: Run) -> None:
        wallet = create(invoke)
        run(buy(wallet["id"], "0.01"))

        answer = sync(invoke, wallet["id"])

        assert (answer.status, answer.json["success"], answer.json["error_message"]) == (200, True, None)
        assert (answer.json["user_wallet_id"], answer.json["assets_count"]) == (wallet["id"], 2)
        after = get(invoke, wallet["id"])
        assert after["balance"] == answer.json["balance"]
        assets = {held["asset"]: held for held in after["balance"]["assets"]}
        assert assets["BTC"]["total"] == "0.01"
        values = [Decimal(held["value_usd"]) for held in assets.values()]
        assert Decimal(after["balance"]["total_value_usd"]) == sum(values)
        pnl = after["balance"]["total_pnl"]
        assert Decimal(pnl["total"]) == Decimal(pnl["realized"]) + Decimal(pnl["unrealized"])
        assert Decimal(after["balance"]["total_value_usd"]) == 10000 + Decimal(pnl["total"])
        assert after["statistics"] == {"total_syncs": 1, "failed_syncs": 0}

    def test_sync_is_logged(self, invoke: Invoke) -> None:
        wallet = create(invoke)
        for _ in range(3):
            sync(invoke, wallet["id"])

        first = sync_log(invoke, wallet["id"], limit=2)
        rest = sync_log(invoke, wallet["id"], limit=2, cursor=first["next_cursor"])

        rows = first["items"] + rest["items"]
        assert [row["started_at"] for row in rows] == sorted((row["started_at"] for row in rows), reverse=True)
        assert len({row["id"] for row in rows}) == 3
        assert rest["next_cursor"] is None
        assert {(row["sync_type"], row["status"], row["error_code"]) for row in rows} == {("manual", "success", None)}
        assert {(row["assets_count"], row["total_value_usd"], row["api_calls"]) for row in rows} == {(1, "10000", 0)}

    def test_sync_of_a_paused_wallet_leaves_it_paused(self, invoke: Invoke) -> None:
        wallet = create(invoke)
        invoke("pause_wallet", "POST", f"/wallets/{wallet['id']}/pause", user=TRADER, body={})

        assert sync(invoke, wallet["id"]).json["success"] is True
        assert get(invoke, wallet["id"])["status"] == "paused"

    def test_sync_makes_four_round_trips_and_counts_concurrently(self, invoke: Invoke) -> None:
        wallet = create(invoke)
        sync(invoke, wallet["id"])

        with round_trips() as commands:
            sync(invoke, wallet["id"])

        assert sorted(commands[:2]) == ["find", "update"]
        assert commands[2:] == ["update", "aggregate", "bulkWrite"]

    def test_failed_sync_is_200_and_never_quotes_the_venue(
        self, invoke: Invoke, break_wallet: dict[str, Exception], capfd: pytest.CaptureFixture[str]
    ) -> None:
        wallet = create(invoke)
        before = sync(invoke, wallet["id"]).json["balance"]
        for error in (WalletConnectionError(CANARY), RuntimeError(CANARY), TimeoutError(CANARY)):
            break_wallet[wallet["id"]] = error
            answer = sync(invoke, wallet["id"])
            assert (answer.status, answer.json["success"]) == (200, False)
            assert answer.json["error_message"] in {"Wallet connection failed", "Internal error"}
            assert answer.json["balance"] == before

        after = get(invoke, wallet["id"])
        codes = [row["error_code"] for row in sync_log(invoke, wallet["id"])["items"]]
        assert codes == ["WALLET_CONNECTION_ERROR", "INTERNAL_ERROR", "WALLET_CONNECTION_ERROR", None]
        assert after["balance"] == before
        assert CANARY not in f"{after}{''.join(capfd.readouterr())}"


class TestFailures:
    def test_five_failures_set_status_error_and_one_success_clears_it(
        self, invoke: Invoke, break_wallet: dict[str, Exception]
    ) -> None:
        wallet = create(invoke)
        break_wallet[wallet["id"]] = WalletConnectionError()
        seen = []
        now: dict[str, Any] = {}
        for _ in range(6):
            sync(invoke, wallet["id"])
            now = get(invoke, wallet["id"])
            seen.append((now["status"], now["connection"]["retry_count"]))
            assert now["connection"]["is_connected"] is False
            assert now["connection"]["last_error"] == "Wallet connection failed"
            assert now["connection"]["next_retry_at"] >= now["connection"]["last_error_at"]

        assert seen == [("active", 1), ("active", 2), ("active", 3), ("active", 4), ("error", 5), ("error", 6)]
        assert now["is_active"] is True

        break_wallet.clear()
        sync(invoke, wallet["id"])

        after = get(invoke, wallet["id"])
        assert after["status"] == "active"
        assert (after["connection"]["retry_count"], after["connection"]["next_retry_at"]) == (0, None)
        assert after["connection"]["is_connected"] is True
        assert after["statistics"] == {"total_syncs": 7, "failed_syncs": 6}

    def test_wallet_with_a_missing_account_fails_alone(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        lost, healthy = create(invoke), create(invoke)
        run(seeded.demo_wallet_state.delete_one({"_id": lost["id"]}))
        scheduled = utc_now() + timedelta(minutes=5)

        assert work([message(lost["id"], healthy["id"], scheduled=scheduled)]) == []

        assert get(invoke, lost["id"])["connection"]["retry_count"] == 1
        assert get(invoke, healthy["id"])["balance"]["total_value_usd"] == "10000"

    def test_wallet_waiting_for_its_retry_is_not_due(
        self, invoke: Invoke, break_wallet: dict[str, Exception], seeded: Database, run: Run
    ) -> None:
        wallet = create(invoke)
        break_wallet[wallet["id"]] = WalletConnectionError()
        sync(invoke, wallet["id"])
        retry_at = utc_now() + timedelta(minutes=7)
        run(seeded.user_wallets.update_one({"_id": wallet["id"]}, {"$set": {"next_sync_at": retry_at}}))

        assert dispatch(utc_now() + timedelta(minutes=5)) == 0
        assert dispatch(utc_now() + timedelta(minutes=10)) == 1


class TestSchedule:
    def test_schedule_syncs_wallets_through_the_queue(self, invoke: Invoke) -> None:
        wallets = [create(invoke) for _ in range(3)]
        scheduled = utc_now() + timedelta(minutes=5)

        assert dispatch(scheduled) == 3
        records = received()
        assert len(records) == 1
        assert work(records) == []

        for wallet in wallets:
            assert get(invoke, wallet["id"])["balance"]["total_value_usd"] == "10000"
            (row,) = sync_log(invoke, wallet["id"])["items"]
            assert (row["sync_type"], row["status"]) == ("scheduled", "success")

    def test_redelivered_message_changes_nothing(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)
        dispatch(utc_now() + timedelta(minutes=5))
        records = received()
        work(records)
        before = everything(seeded, run)

        with round_trips() as commands:
            assert work(records) == []
            assert work([*records, *records]) == []

        assert commands == ["update", "update"]
        assert everything(seeded, run) == before
        assert len(sync_log(invoke, wallet["id"])["items"]) == 1

    def test_concurrent_deliveries_count_once(
        self, invoke: Invoke, seeded: Database, run: Run, break_wallet: dict[str, Exception]
    ) -> None:
        wallet = create(invoke)
        break_wallet[wallet["id"]] = WalletConnectionError()
        scheduled = utc_now() + timedelta(minutes=5)
        due = {wallet["id"]: scheduled}

        async def both() -> None:
            import asyncio

            service = bootstrap.balance_sync()
            await asyncio.gather(service.sync_due(due), service.sync_due(due))

        run(both())

        after = get(invoke, wallet["id"])
        assert after["connection"]["retry_count"] == 1
        assert after["statistics"] == {"total_syncs": 1, "failed_syncs": 1}
        assert len(sync_log(invoke, wallet["id"])["items"]) == 1

    def test_older_delivery_changes_nothing(self, invoke: Invoke) -> None:
        wallet = create(invoke)
        new, old = utc_now() + timedelta(minutes=10), utc_now() + timedelta(minutes=5)
        work([message(wallet["id"], scheduled=new)])
        before = get(invoke, wallet["id"])

        work([message(wallet["id"], scheduled=old)])

        assert get(invoke, wallet["id"]) == before

    def test_next_run_syncs_only_wallets_that_changed(self, invoke: Invoke, run: Run) -> None:
        moving, still = create(invoke), create(invoke)
        for minutes in (5, 10, 15):
            run(buy(moving["id"], "0.001"))
            assert dispatch(utc_now() + timedelta(minutes=minutes)) == 2
            work(received())

        assert len(sync_log(invoke, moving["id"])["items"]) == 3
        assert len(sync_log(invoke, still["id"])["items"]) == 1
        assert get(invoke, still["id"])["statistics"]["total_syncs"] == 1

    def test_deleted_and_stopped_wallets_are_not_synced(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        deleted, paused, active = (create(invoke) for _ in range(3))
        scheduled = utc_now() + timedelta(minutes=5)
        dispatch(scheduled)
        records = received()
        invoke("delete_wallet", "DELETE", f"/wallets/{deleted['id']}", user=TRADER)
        invoke("pause_wallet", "POST", f"/wallets/{paused['id']}/pause", user=TRADER, body={})

        assert work(records) == []

        logged = run(seeded.wallet_sync_log.distinct("user_wallet_id"))
        assert logged == [active["id"]]
        assert dispatch(scheduled + timedelta(minutes=5)) == 1

    def test_many_wallets_fill_messages(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)
        template = run(seeded.user_wallets.find_one({"_id": wallet["id"]}))
        assert template is not None
        copies = [{**template, "_id": f"copy-{number:04d}"} for number in range(529)]
        run(seeded.user_wallets.insert_many(copies))

        assert dispatch(utc_now() + timedelta(minutes=5)) == 530

        bodies = [json.loads(record["body"]) for record in received()]
        sizes = sorted(len(body["user_wallet_ids"]) for body in bodies)
        assert sizes == [5, *[25] * 21]
        assert len({wallet_id for body in bodies for wallet_id in body["user_wallet_ids"]}) == 530
        assert len({body["sync_id"] for body in bodies}) == 22

    @pytest.mark.parametrize("count", [1, 12, 250])
    def test_batch_of_any_size_makes_three_round_trips(
        self, invoke: Invoke, count: int, seeded: Database, run: Run
    ) -> None:
        wallets = run(with_copies(seeded, create(invoke)["id"], count))
        sync(invoke, wallets[0])
        scheduled = utc_now() + timedelta(minutes=5)
        half = count // 2 or 1
        records = [
            message(*wallets[:half], scheduled=scheduled, name="m-1"),
            message(*wallets[half:], scheduled=scheduled, name="m-2"),
        ]

        with round_trips() as commands:
            assert work(records) == []

        assert commands == ["update", "aggregate", "bulkWrite"]

    def test_malformed_message_does_not_block_others(self, invoke: Invoke) -> None:
        wallet = create(invoke)
        bodies = ["not json", "{}", "[]", '{"scheduled_time": "x", "user_wallet_ids": []}', "[" * 100_000]
        bad = [{"messageId": f"bad-{number}", "body": body} for number, body in enumerate(bodies)]
        good = message(wallet["id"], scheduled=utc_now() + timedelta(minutes=5))

        assert work([*bad[:3], good, *bad[3:]]) == [record["messageId"] for record in bad]
        assert get(invoke, wallet["id"])["balance"]["total_value_usd"] == "10000"

    def test_batch_without_a_wallet_syncs_nothing(self, invoke: Invoke) -> None:
        """Failed messages are redelivered alone, so a batch of only malformed messages is common."""
        nothing = message(scheduled=utc_now())
        assert work([{"messageId": "bad", "body": "not json"}, nothing]) == ["bad"]

    def test_failing_wallet_does_not_block_others(self, invoke: Invoke, break_wallet: dict[str, Exception]) -> None:
        wallets = [create(invoke)["id"] for _ in range(5)]
        break_wallet[wallets[2]] = RuntimeError(CANARY)

        assert work([message(*wallets, scheduled=utc_now() + timedelta(minutes=5))]) == []

        statuses = [sync_log(invoke, wallet_id)["items"][0]["status"] for wallet_id in wallets]
        assert statuses == ["success", "success", "failed", "success", "success"]

    def test_hanging_wallet_is_given_up(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        import asyncio

        from moniqo_core.services.sync import concurrent_account_queries

        wallets = [create(invoke)["id"] for _ in range(2)]
        healthy = DemoWallet.valuation

        async def valuation(self: DemoWallet) -> Any:
            if self.user_wallet_id == wallets[0]:
                await asyncio.Event().wait()
            return await healthy(self)

        monkeypatch.setattr(DemoWallet, "valuation", valuation)
        monkeypatch.setattr(concurrent_account_queries, "SECONDS_PER_WALLET", 0.05)

        assert work([message(*wallets, scheduled=utc_now() + timedelta(minutes=5))]) == []

        (row,) = sync_log(invoke, wallets[0])["items"]
        assert row["error_code"] == "WALLET_CONNECTION_ERROR"
        assert sync_log(invoke, wallets[1])["items"][0]["status"] == "success"

    def test_wallets_not_stored_are_delivered_again(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        one, other = create(invoke)["id"], create(invoke)["id"]
        record = SyncLogStore.record

        async def partly(self: SyncLogStore, token: str, outcomes: Any, unreadable: Any) -> frozenset[str]:
            await record(self, token, [outcome for outcome in outcomes if outcome.before.id == other])
            return frozenset({one})

        monkeypatch.setattr(SyncLogStore, "record", partly)
        scheduled = utc_now() + timedelta(minutes=5)
        records = [message(one, scheduled=scheduled, name="m-1"), message(other, scheduled=scheduled, name="m-2")]

        assert work(records) == ["m-1"]

        monkeypatch.undo()
        assert work(records[:1]) == []

    @pytest.mark.own_database
    def test_store_reports_wallets_it_could_not_write(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallets = {create(invoke)["id"] for _ in range(3)}
        # An index no real database has: only one wallet can take the time.
        run(
            seeded.user_wallets.create_index(
                "synced_for", unique=True, partialFilterExpression={"synced_for": {"$type": "date"}}
            )
        )
        records = [message(wallet, scheduled=utc_now() + timedelta(minutes=5), name=wallet) for wallet in wallets]
        for record in records[1:]:
            record["body"] = records[0]["body"].replace(records[0]["messageId"], record["messageId"])

        again = work(records)

        stored = {
            document["_id"] for document in run(seeded.user_wallets.find({"synced_for": {"$ne": None}}).to_list())
        }
        assert len(again) == 2
        assert set(again) == wallets - stored

    def test_database_outage_fails_the_whole_batch(self, invoke: Invoke, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("MONGODB_URL", "mongodb://127.0.0.1:9/?directConnection=true")
        bootstrap.settings.cache_clear()
        bootstrap.database.cache_clear()
        bootstrap.balance_sync.cache_clear()
        bootstrap.wallets.cache_clear()

        with pytest.raises(ConnectionFailure):
            work([message("any", scheduled=utc_now())])

    def test_pause_during_a_sync_wins(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, break_wallet: dict[str, Exception]
    ) -> None:
        wallet = create(invoke)
        valuation = DemoWallet.valuation

        async def pause_meanwhile(self: DemoWallet) -> Any:
            value = await valuation(self)
            monkeypatch.setattr(DemoWallet, "valuation", valuation)
            await bootstrap.wallet_lifecycle().pause(
                TRADER.id, wallet["id"], Pause("meanwhile"), bootstrap.buy_cancellation()
            )
            return value

        monkeypatch.setattr(DemoWallet, "valuation", pause_meanwhile)

        work([message(wallet["id"], scheduled=utc_now() + timedelta(minutes=5))])

        assert get(invoke, wallet["id"])["status"] == "paused"


class TestMetrics:
    """One line of CloudWatch's embedded metric format per invocation."""

    def test_dispatcher_counts_due_wallets(self, invoke: Invoke, capfd: pytest.CaptureFixture[str]) -> None:
        for _ in range(3):
            create(invoke)
        capfd.readouterr()

        dispatch(utc_now() + timedelta(minutes=5))

        assert published(capfd) == [{"WalletsDue": (3, "Count")}]

    def test_workers_count_synced_and_failed_wallets(
        self, invoke: Invoke, break_wallet: dict[str, Exception], capfd: pytest.CaptureFixture[str]
    ) -> None:
        wallets = [create(invoke)["id"] for _ in range(3)]
        break_wallet[wallets[0]] = WalletConnectionError(CANARY)
        capfd.readouterr()

        work([message(*wallets, scheduled=utc_now() + timedelta(minutes=5))])

        (line,) = published(capfd)
        duration, unit = line.pop("SyncDuration")
        assert 0 < duration < 60_000
        assert unit == "Milliseconds"
        assert line == {
            "WalletsSynced": (2, "Count"),
            "WalletsFailed": (1, "Count"),
            "WalletsPutOff": (0, "Count"),
            "WalletsMended": (0, "Count"),
            "BalancesUnexplained": (0, "Count"),
        }

    def test_result_is_counted_only_once_it_is_stored(
        self,
        invoke: Invoke,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        seeded: Database,
        run: Run,
    ) -> None:
        wallet = create(invoke)["id"]
        records = [message(wallet, scheduled=utc_now() + timedelta(minutes=5))]

        async def refuse(self: SyncLogStore, *arguments: Any) -> frozenset[str]:
            return frozenset({wallet})

        with monkeypatch.context() as patch:
            patch.setattr(SyncLogStore, "record", refuse)
            work(records)
        run(seeded.user_wallets.update_one({"_id": wallet}, {"$unset": {"sync_lease": ""}}))  # it ended by itself
        work(records)

        counts = [(line["WalletsSynced"][0], line["WalletsFailed"][0]) for line in published(capfd)]
        assert counts == [(0, 0), (1, 0)]


def test_schedule_without_a_time_means_now(invoke: Invoke) -> None:
    create(invoke)
    handler = load_function("dispatch_sync").handler

    assert handler({"scheduled_time": "<aws.scheduler.scheduled-time>"}, None) == {"queued": 1}
    assert handler({}, None) == {"queued": 1}


def test_scheduler_time_is_read(invoke: Invoke) -> None:
    create(invoke)
    handler = load_function("dispatch_sync").handler
    past = datetime(2020, 1, 1, tzinfo=UTC)

    assert handler({"scheduled_time": past.strftime("%Y-%m-%dT%H:%M:%SZ")}, None) == {"queued": 0}
