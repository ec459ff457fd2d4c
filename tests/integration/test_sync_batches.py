"""Balance sync of many wallets: leases, timeouts, unreadable documents, the balance equation, interrupted commits."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, repeat
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moniqo_core import bootstrap
from moniqo_core.domain.clock import utc_now
from moniqo_core.services.shared.user_quotas import MINUTE, PerMinute
from moniqo_core.services.shared.work_queue import WorkQueue
from moniqo_core.services.sync import concurrent_account_queries, queue_due_wallets
from moniqo_core.services.sync.balance_sync import BalanceSync, SyncReport
from moniqo_core.storage.client import connect
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.storage.wallets.sync_log import SyncLogStore
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, Run
from tests.support import queued_work
from tests.support.fault_proxy import fault_proxy
from tests.support.lambdas import ADMIN, TRADER, Invoke, load_function
from tests.support.queued_work import message
from tests.support.sync_calls import buy, dispatch, get, published, received, sync, sync_log, work
from tests.support.wallets import aws, create

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")


def tick(minutes: int = 5) -> datetime:
    return utc_now() + timedelta(minutes=minutes)


def change(db: Database, run: Run, wallet: str, **fields: object) -> None:
    run(db.user_wallets.update_one({"_id": wallet}, {"$set": fields}))


class TestLeases:
    def test_wallet_is_synced_by_one_of_many_workers(
        self, invoke: Invoke, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wallets = [create(invoke)["id"] for _ in range(4)]
        looks: Counter[str] = Counter()
        valuation = DemoWallet.valuation

        async def counted(self: DemoWallet) -> Any:
            looks[self.user_wallet_id] += 1
            await asyncio.sleep(0)
            return await valuation(self)

        monkeypatch.setattr(DemoWallet, "valuation", counted)
        scheduled = tick()

        async def workers() -> list[SyncReport]:
            due = dict.fromkeys(wallets, scheduled)
            return await asyncio.gather(*(bootstrap.balance_sync().sync_due(due) for _ in range(5)))

        reports = run(workers())

        assert looks == dict.fromkeys(wallets, 1)
        assert sum(report.synced for report in reports) == 4

    def test_next_worker_takes_over_an_expired_lease(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)["id"]
        records = [message(wallet, scheduled=tick())]
        change(seeded, run, wallet, sync_lease={"token": "dead", "until": utc_now() + timedelta(seconds=60)})
        assert work(records) == []
        assert sync_log(invoke, wallet)["items"] == []

        change(seeded, run, wallet, sync_lease={"token": "dead", "until": utc_now() - timedelta(milliseconds=1)})
        assert work(records) == []

        assert len(sync_log(invoke, wallet)["items"]) == 1
        stored = run(seeded.user_wallets.find_one({"_id": wallet}))
        assert stored is not None
        assert "sync_lease" not in stored

    def test_worker_without_its_lease_writes_no_snapshot(
        self, invoke: Invoke, seeded: Database, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = create(invoke)
        wallet = made["id"]
        valuation = DemoWallet.valuation

        async def slow(self: DemoWallet) -> Any:
            until = utc_now() + timedelta(seconds=60)
            lease = {"sync_lease": {"token": "faster", "until": until}}
            await seeded.user_wallets.update_one({"_id": wallet}, {"$set": lease})
            return await valuation(self)

        monkeypatch.setattr(DemoWallet, "valuation", slow)
        work([message(wallet, scheduled=tick())])

        assert get(invoke, wallet)["balance"] == made["balance"]

    def test_manual_sync_is_refused_while_a_sync_is_under_way(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        wallet = create(invoke)["id"]
        change(seeded, run, wallet, sync_lease={"token": "other", "until": utc_now() + timedelta(seconds=60)})

        answer = sync(invoke, wallet)

        assert (answer.status, answer.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert answer.headers["retry-after"] == "2"
        assert sync(invoke, "no-such-wallet").status == 404


class TestTimeLimits:
    def test_hanging_venue_does_not_block_others(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, seeded: Database, run: Run
    ) -> None:
        """Neither the query nor closing the connection ever ends. Both are abandoned."""
        hanging, healthy = [create(invoke)["id"] for _ in range(13)], create(invoke)["id"]
        for wallet in hanging:
            change(seeded, run, wallet, wallet_slug="another-venue")
        valuation, close = DemoWallet.valuation, DemoWallet.close
        still = asyncio.Event()

        async def hang(self: DemoWallet) -> Any:
            return await (still.wait() if self.user_wallet_id in hanging else valuation(self))

        async def hang_again(self: DemoWallet) -> None:
            await (still.wait() if self.user_wallet_id in hanging else close(self))

        monkeypatch.setattr(DemoWallet, "valuation", hang)
        monkeypatch.setattr(DemoWallet, "close", hang_again)
        monkeypatch.setattr(concurrent_account_queries, "SECONDS_PER_WALLET", 0.05)
        monkeypatch.setattr(concurrent_account_queries, "SECONDS_PER_BATCH", 0.3)

        report = run(bootstrap.balance_sync().sync_due(dict.fromkeys([*hanging, healthy], tick())))

        assert (report.synced, report.failed, report.postponed) == (1, 10, 3)
        codes = Counter(row["error_code"] for wallet in hanging for row in sync_log(invoke, wallet)["items"])
        assert codes == {"WALLET_CONNECTION_ERROR": 10}
        assert get(invoke, healthy)["balance"]["total_value_usd"] == "10000"

    def test_venue_is_queried_for_ten_wallets_at_a_time(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, seeded: Database, run: Run
    ) -> None:
        wallets = [create(invoke)["id"] for _ in range(24)]
        for wallet in wallets[:12]:
            change(seeded, run, wallet, wallet_slug="another-venue")
        valuation = DemoWallet.valuation
        now: Counter[bool] = Counter()
        most: Counter[bool] = Counter()

        async def watched(self: DemoWallet) -> Any:
            venue = self.user_wallet_id in wallets[:12]
            now[venue] += 1
            most[venue] = max(most[venue], now[venue])
            await asyncio.sleep(0.01)
            now[venue] -= 1
            return await valuation(self)

        monkeypatch.setattr(DemoWallet, "valuation", watched)

        report = run(bootstrap.balance_sync().sync_due(dict.fromkeys(wallets, tick())))

        assert report.synced == 24
        assert most == {True: 10, False: 10}

    def test_previously_failed_wallets_are_queried_last(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, seeded: Database, run: Run
    ) -> None:
        wallets = [create(invoke)["id"] for _ in range(16)]
        for number, wallet in enumerate(wallets[:12]):
            change(seeded, run, wallet, **{"connection.retry_count": number + 1})
        asked: list[str] = []
        valuation = DemoWallet.valuation

        async def noted(self: DemoWallet) -> Any:
            asked.append(self.user_wallet_id)
            await asyncio.sleep(0)
            return await valuation(self)

        monkeypatch.setattr(DemoWallet, "valuation", noted)

        assert run(bootstrap.balance_sync().sync_due(dict.fromkeys(wallets, tick()))).synced == 16

        assert sorted(asked[:4]) == sorted(wallets[12:])
        assert asked[4:] == wallets[:12]


BROKEN: Mapping[str, Mapping[str, object]] = {
    "an amount": {"balance.assets": [{"asset": "X", "free": "x", "locked": "0", "total": "0", "value_usd": None}]},
    "a list": {"balance.assets": 7},
    "limits": {"risk_limits": None},
    "connection": {"connection": 7},
    "books": {"balance.books": {"flows": []}},
}


class TestBrokenDocuments:
    @pytest.mark.parametrize("what", BROKEN)
    def test_unreadable_wallet_fails_alone_and_is_retried_later(
        self, invoke: Invoke, seeded: Database, run: Run, what: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        broken, healthy = create(invoke)["id"], create(invoke)["id"]
        change(seeded, run, broken, **BROKEN[what])
        scheduled = tick()
        capfd.readouterr()

        assert work([message(broken, healthy, scheduled=scheduled)]) == []

        (line,) = published(capfd)
        assert (line["WalletsSynced"][0], line["WalletsFailed"][0]) == (1, 1)
        assert get(invoke, healthy)["balance"]["total_value_usd"] == "10000"
        stored = run(seeded.user_wallets.find_one({"_id": broken}))
        assert stored is not None
        assert stored["synced_for"] == scheduled
        assert stored["next_sync_at"] >= scheduled - timedelta(minutes=6)
        assert "sync_lease" not in stored

    def test_unreadable_account_fails_alone(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        broken, healthy = create(invoke)["id"], create(invoke)["id"]
        run(seeded.demo_wallet_state.update_one({"_id": broken}, {"$set": {"balances": {"USDT": ["x", "0"]}}}))

        assert work([message(broken, healthy, scheduled=tick())]) == []

        assert get(invoke, broken)["connection"]["retry_count"] == 1
        assert get(invoke, healthy)["balance"]["total_value_usd"] == "10000"


class TestBalanceEquation:
    def test_balance_equation_is_explained_by_trades_and_fees(self, invoke: Invoke, run: Run) -> None:
        wallet = create(invoke)["id"]
        sync(invoke, wallet)
        run(buy(wallet, "0.01"))
        sync(invoke, wallet)

        trade, first = (row["equation"] for row in sync_log(invoke, wallet)["items"])

        nothing = {"trades": "0", "fees": "0", "residue": "0"}
        assert first == [{"asset": "USDT", "opening": "0", "transfers": "10000", "closing": "10000", **nothing}]
        coins, cash = trade
        assert coins == {"asset": "BTC", "opening": "0", "transfers": "0", "closing": "0.01", **nothing} | {
            "trades": "0.01"
        }
        assert (cash["opening"], cash["transfers"], cash["residue"]) == ("10000", "0", "0")
        assert Decimal(cash["fees"]) > 0
        assert Decimal(cash["closing"]) == 10000 + Decimal(cash["trades"]) - Decimal(cash["fees"])
        assert all(row["balanced"] for row in sync_log(invoke, wallet)["items"])

    def test_reset_restarts_the_balance_equation(self, invoke: Invoke, run: Run) -> None:
        wallet = create(invoke)["id"]
        run(buy(wallet, "0.01"))
        sync(invoke, wallet)
        assert invoke("reset_wallet", "POST", f"/wallets/{wallet}/reset", user=TRADER).status == 200
        sync(invoke, wallet)

        row = sync_log(invoke, wallet)["items"][0]
        assert (row["balanced"], row["total_value_usd"]) == (True, "10000")

    def test_unexplained_residue_is_recorded_and_shown(
        self, invoke: Invoke, seeded: Database, run: Run, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """An account is edited by hand."""
        wallet = create(invoke)["id"]
        sync(invoke, wallet)
        run(seeded.demo_wallet_state.update_one({"_id": wallet}, {"$set": {"balances.USDT": ["10000.5", "0"]}}))
        run(buy(wallet, "0.01"))
        capfd.readouterr()

        work([message(wallet, scheduled=tick())])

        row = sync_log(invoke, wallet)["items"][0]
        assert row["balanced"] is False
        assert {line["asset"]: line["residue"] for line in row["equation"]} == {"BTC": "0", "USDT": "0.5"}
        (line,) = published(capfd)
        assert line["BalancesUnexplained"] == (1, "Count")


class TestIdleWallets:
    def test_idle_paper_wallet_gets_only_its_hourly_equity(self, invoke: Invoke, seeded: Database, run: Run) -> None:
        """The ledger has not changed since the last sync, an hour and a half ago."""
        wallet = create(invoke)["id"]
        run(buy(wallet, "0.01"))
        work([message(wallet, scheduled=tick())])
        before = get(invoke, wallet)
        points = run(seeded.equity.find({"user_wallet_id": wallet}).to_list())
        _age(seeded, run, wallet, timedelta(minutes=90))

        work([message(wallet, scheduled=tick(10))])

        after = get(invoke, wallet)
        for part in ("balance", "statistics", "connection"):
            assert after[part] == before[part]
        assert len(sync_log(invoke, wallet)["items"]) == 1
        later = run(seeded.equity.find({"user_wallet_id": wallet}).to_list())
        hours = [point["at"] for point in later if point not in points]
        assert 1 <= len(hours) <= 2
        assert all((hour.minute, hour.second) == (0, 0) for hour in hours)

        work([message(wallet, scheduled=tick(15))])
        assert run(seeded.equity.find({"user_wallet_id": wallet}).to_list()) == later


def _age(db: Database, run: Run, wallet: str, by: timedelta) -> None:
    """Move the last evaluation of an account back by so much time."""
    state = run(db.demo_wallet_state.find_one({"_id": wallet}))
    assert state is not None
    until = {symbol: moment - by for symbol, moment in state["evaluated_until"].items()}
    run(db.demo_wallet_state.update_one({"_id": wallet}, {"$set": {"evaluated_until": until, "at": state["at"] - by}}))


def _command(invoke: Invoke, name: str, wallet: str) -> None:
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.001", "price": "20000"}
    path = f"/wallets/{wallet}"
    answer = {
        "pause": lambda: invoke("pause_wallet", "POST", f"{path}/pause", user=TRADER, body={"reason": "why"}),
        "resume": lambda: invoke("resume_wallet", "POST", f"{path}/resume", user=TRADER, body={"confirm": True}),
        "suspend": lambda: invoke("suspend_wallet", "POST", f"{path}/suspend", user=ADMIN, body={"reason": "why"}),
        "limits": lambda: invoke(
            "update_wallet", "PATCH", path, user=TRADER, body={"risk_limits": {"max_open_positions": 3}}
        ),
        "delete": lambda: invoke("delete_wallet", "DELETE", path, user=TRADER),
        "order": lambda: invoke("place_order", "POST", f"{path}/orders", user=TRADER, body=order),
        "trade": lambda: invoke(
            "place_order",
            "POST",
            f"{path}/orders",
            user=TRADER,
            body={"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"},
        ),
    }[name]()
    assert answer.status in {200, 201, 204}, answer.text


SHOWN = ("status", "status_reason", "risk_limits", "deleted_at", "has_open_orders", "evaluated_until")


class TestInterruptedCommits:
    """A commit writes an entry, then the snapshot, then the user wallet. A killed server stops somewhere in between."""

    @pytest.mark.parametrize("got_to", ["entry", "snapshot"])
    @pytest.mark.parametrize("name", ["pause", "suspend", "limits", "delete", "order", "trade", "resume"])
    def test_next_sync_restores_what_the_ledger_says(
        self, invoke: Invoke, seeded: Database, run: Run, name: str, got_to: str
    ) -> None:
        wallet = create(invoke)["id"]
        if name == "resume":
            _command(invoke, "pause", wallet)
        sync(invoke, wallet)
        documents = _documents(seeded, run, wallet)
        _command(invoke, name, wallet)
        complete = _documents(seeded, run, wallet)["user_wallets"]
        left_behind = ("user_wallets",) if got_to == "snapshot" else ("user_wallets", "demo_wallet_state")
        for collection in left_behind:
            run(seeded[collection].replace_one({"_id": wallet}, documents[collection]))

        # A wallet that shows as paused is not synced by the schedule.
        _ = sync(invoke, wallet) if name == "resume" else work([message(wallet, scheduled=tick())])

        healed = _documents(seeded, run, wallet)["user_wallets"]
        for field in SHOWN:
            assert (healed.get(field) is None) == (complete.get(field) is None), field
            if field not in {"deleted_at", "evaluated_until"}:
                assert healed.get(field) == complete.get(field), field

    def test_change_during_a_sync_is_not_undone(
        self, invoke: Invoke, seeded: Database, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The sync read an account without orders and a document that claims one. Then an order is placed."""
        wallet = create(invoke)["id"]
        sync(invoke, wallet)
        change(seeded, run, wallet, has_open_orders=True)
        valuation = DemoWallet.valuation

        async def order_meanwhile(self: DemoWallet) -> Any:
            value = await valuation(self)
            monkeypatch.setattr(DemoWallet, "valuation", valuation)
            from moniqo_core.domain.orders.order import OrderSide, OrderType

            other = await bootstrap.wallets().connect(TRADER.id, wallet)
            await other.place_order("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), Decimal(20000))
            return value

        monkeypatch.setattr(DemoWallet, "valuation", order_meanwhile)
        work([message(wallet, scheduled=tick())])

        stored = run(seeded.user_wallets.find_one({"_id": wallet}))
        assert stored is not None
        assert stored["has_open_orders"] is True


def _documents(db: Database, run: Run, wallet: str) -> dict[str, dict[str, Any]]:
    found = {name: run(db[name].find_one({"_id": wallet})) for name in ("user_wallets", "demo_wallet_state")}
    return {name: document for name, document in found.items() if document is not None}


@pytest.mark.parametrize("fault", ["lost", "cut", "half"])
def test_results_with_a_lost_answer_are_stored_once(
    invoke: Invoke, seeded: Database, run: Run, mongo_url: str, fault: str
) -> None:
    wallets = [create(invoke)["id"] for _ in range(2)]
    run(buy(wallets[0], "0.01"))
    limit = PerMinute("syncs", 100, RateCounters(seeded, MINUTE))

    async def through_faults() -> SyncReport:
        # The driver itself sends a write twice.
        async with fault_proxy(mongo_url, chain([fault, fault], repeat(None))) as (proxy, url):
            harmed = connect(url, seeded.name)
            service = BalanceSync(
                UserWalletStore(seeded),
                DueWallets(seeded),
                SyncLogStore(harmed),
                SyncFindings(seeded),
                bootstrap.wallets(),
                limit,
                bootstrap.buy_cancellation,
            )
            async with harmed.client:
                report = await service.sync_due(dict.fromkeys(wallets, tick()))
            assert proxy.done[fault] == 2
        return report

    report = run(through_faults())

    assert (report.synced, report.unstored) == (2, frozenset())
    for wallet in wallets:
        assert [row["status"] for row in sync_log(invoke, wallet)["items"]] == ["success"]
        assert get(invoke, wallet)["statistics"]["total_syncs"] == 1


def _due(count: int, when: datetime) -> list[dict[str, Any]]:
    """Wallets of three venues with only the fields that the dispatcher reads, and some padding."""
    return [
        {
            "_id": f"{count}-{number:05d}",
            "wallet_slug": f"venue-{number % 3}",
            "status": "active",
            "deleted_at": None,
            "next_sync_at": when + timedelta(milliseconds=number),
            "balance": {"assets": ["x" * 500]},
        }
        for number in range(count)
    ]


class TestDispatcher:
    def test_message_holds_wallets_of_one_venue_longest_waiting_first(self, seeded: Database, run: Run) -> None:
        long_ago = utc_now() - timedelta(hours=1)
        run(seeded.user_wallets.insert_many(_due(160, long_ago)))

        assert dispatch(utc_now()) == 160

        found = run(seeded.user_wallets.find({}, {"wallet_slug": 1}).to_list())
        venue = {document["_id"]: document["wallet_slug"] for document in found}
        asked = [json.loads(record["body"])["user_wallet_ids"] for record in received()]
        assert all(len({venue[wallet] for wallet in wallets}) == 1 for wallets in asked)
        assert sorted(map(len, asked)) == [3, 3, 4, *[25] * 6]
        assert sorted(wallet for wallets in asked for wallet in wallets) == sorted(venue)
        assert all(wallets == sorted(wallets) for wallets in asked)

    @pytest.mark.own_database
    def test_dispatcher_memory_does_not_grow_with_the_number_of_wallets(
        self, seeded: Database, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue_due_wallets, "WALLETS_AT_ONCE", 100)
        sent = Counter[int]()

        class Queue(WorkQueue):
            async def send(self, messages: Any) -> None:
                sent[len(messages)] += 1

        service = queue_due_wallets.SyncDispatch(DueWallets(seeded), Queue("https://queue"))
        peaks = []
        for count in (400, 400, 3600):  # the first warms up
            run(seeded.user_wallets.delete_many({}))
            run(seeded.user_wallets.drop_indexes())  # the emulation takes minutes to maintain them
            run(seeded.user_wallets.insert_many(_due(count, utc_now() - timedelta(hours=1))))
            tracemalloc.start()
            assert run(service.dispatch(utc_now())) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

        # Two and a half megabytes if it kept them; what the driver and the collector leave lying differs by chance.
        assert peaks[2] < peaks[1] + 500_000
        assert max(sent) <= 100 // 25 + 3

    def test_queue_refusal_fails_the_dispatch_and_the_next_run_recovers(
        self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, environment: pytest.MonkeyPatch
    ) -> None:
        wallet = create(invoke)["id"]
        url = bootstrap.settings().need("sync_queue_url")
        environment.setenv("SYNC_QUEUE_URL", url + "-that-is-not-there")
        bootstrap.settings.cache_clear()
        with pytest.raises(ClientError):
            dispatch(tick())

        environment.setenv("SYNC_QUEUE_URL", url)
        bootstrap.settings.cache_clear()
        bootstrap.sync_dispatch.cache_clear()
        assert dispatch(tick(10)) == 1
        work(received())
        assert len(sync_log(invoke, wallet)["items"]) == 1


def test_dispatcher_queues_unfinished_wallets_again(invoke: Invoke) -> None:
    wallet = create(invoke)["id"]
    scheduled = tick()
    assert dispatch(scheduled) == 1
    received()  # and the worker dies

    assert dispatch(scheduled + timedelta(minutes=5)) == 1
    work(received())

    assert len(sync_log(invoke, wallet)["items"]) == 1


UNREADABLE = {
    "before the first instant in UTC": {"scheduled_time": "0001-01-01T00:00:00+14:00"},
    "after the last instant in UTC": {"scheduled_time": "9999-12-31T23:59:59-14:00"},
    "first instant": {"scheduled_time": "0001-01-01T00:00:00Z"},
    "last instant": {"scheduled_time": "9999-12-31T23:59:59Z"},
    "half a surrogate pair": {"user_wallet_ids": ["\ud800"]},
    "other half": {"user_wallet_ids": ["w", "\udfff-w"]},
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("function", ["sync_wallets", "evaluate_orders"])
def test_unreadable_message_fails_alone(invoke: Invoke, function: str, what: str) -> None:
    wallet = create(invoke)["id"]
    good = message(wallet, scheduled=tick(), name="good")
    bad = message(wallet, scheduled=tick(), name="bad")
    bad["body"] = json.dumps(json.loads(bad["body"]) | UNREADABLE[what])

    assert queued_work.work(function, [bad, good, bad | {"messageId": "again"}]) == ["bad", "again"]

    assert len(sync_log(invoke, wallet)["items"]) == (function == "sync_wallets")


@pytest.mark.parametrize("function", ["dispatch_sync", "dispatch_evaluation"])
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_schedule_at_the_edge_of_the_calendar_counts_as_now(invoke: Invoke, function: str, when: str) -> None:
    create(invoke)

    assert load_function(function).handler({"scheduled_time": when}, None)["queued"] in {0, 1}
