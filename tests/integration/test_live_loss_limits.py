"""A loss limit pauses a live wallet, cancels its open buy orders, keeps its sell orders, and prevents resuming."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.sync.outcome import SyncType
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.storage.live.lifecycle import LiveLifecycle
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.lifecycle_changes import touched
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, TRADER, Answer
from tests.support.live_harness import BUY, LiveHarness, wallet_with_orders
from tests.support.queued_work import message
from tests.support.round_trips import round_trips
from tests.support.sync_calls import work
from tests.support.wallets import aws

__all__ = ["aws", "wallet_with_orders"]

D = Decimal


def scheduled(harness: LiveHarness, minutes: int = 5) -> None:
    assert work([message(harness.wallet, scheduled=utc_now() + timedelta(minutes=minutes))]) == []


def statuses(harness: LiveHarness) -> list[str]:
    return [order.status for order in harness.at_venue()]


def resume(harness: LiveHarness) -> Answer:
    return harness.invoke("resume_wallet", "POST", f"{harness.path}/resume", user=harness.user, body={"confirm": True})


def wallet(harness: LiveHarness) -> dict[str, Any]:
    found: dict[str, Any] = harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json
    return found


@pytest.mark.parametrize("how", ["scheduled", "by hand"])
def test_sync_that_finds_a_breach_pauses_and_cancels_only_buys(harness: LiveHarness, how: str) -> None:
    harness.price("BTC/USDT", "44000")
    if how == "scheduled":
        scheduled(harness)
    else:
        harness.sync()

    shown = wallet(harness)
    assert (shown["status"], shown["is_active"]) == ("paused", False)
    assert shown["status_reason"] == "daily_loss_limit_usd 500 was reached at 604.4"
    assert statuses(harness) == ["filled", "cancelled", "open"]
    assert harness.order("o-2-1")["status"] == "cancelled"
    assert harness.place(price="30000").json["code"] == "WALLET_PAUSED"
    assert harness.cancel("o-3-1").json["status"] == "cancelled"


def test_wallet_resumes_only_when_the_loss_is_below_the_limit(harness: LiveHarness) -> None:
    harness.price("BTC/USDT", "44000")
    harness.sync()

    refused = resume(harness)
    assert (refused.status, refused.json["code"]) == (409, "CONFLICT")
    assert (refused.json["limit_type"], refused.json["limit"]) == ("daily_loss_limit_usd", "500")
    assert D(refused.json["value"]) > 500
    assert wallet(harness)["status"] == "paused"

    harness.limit(daily_loss_limit_usd=700)
    resumed = resume(harness)
    assert (resumed.status, resumed.json["status"], resumed.json["status_reason"]) == (200, "active", None)
    assert harness.place(price="30000").status == 201
    scheduled(harness)
    assert wallet(harness)["status"] == "active"
    assert statuses(harness)[-1] == "open"


def test_new_day_starts_with_the_last_known_equity(harness: LiveHarness, run: Run, seeded: Database) -> None:
    harness.price("BTC/USDT", "44000")
    harness.sync()
    yesterday = {"baseline.until": utc_now() - timedelta(seconds=1)}
    run(seeded.user_wallets.update_one({"_id": harness.wallet}, {"$set": yesterday}))

    assert resume(harness).status == 200
    harness.price("BTC/USDT", "38000")
    scheduled(harness)
    assert wallet(harness)["status_reason"].startswith("daily_loss_limit_usd 500 was reached at 599.4")


def test_drawdown_from_the_peak_persists_across_days(harness: LiveHarness, run: Run, seeded: Database) -> None:
    harness.limit(daily_loss_limit_usd=5000, max_drawdown_percent=10)
    harness.price("BTC/USDT", "60000")
    scheduled(harness)
    harness.price("BTC/USDT", "48000")
    yesterday = {"baseline.until": utc_now() - timedelta(seconds=1)}
    run(seeded.user_wallets.update_one({"_id": harness.wallet}, {"$set": yesterday}))
    scheduled(harness, 10)

    assert wallet(harness)["status_reason"] == "max_drawdown_percent 10 was reached at 10.9"
    assert resume(harness).json["limit_type"] == "max_drawdown_percent"
    harness.limit(max_drawdown_percent=None)
    assert resume(harness).status == 200


def test_buy_that_failed_to_cancel_is_cancelled_by_reconciliation(harness: LiveHarness) -> None:
    harness.price("BTC/USDT", "44000")
    harness.venue.break_with("status", status=403, times=None, path="/api/v3/order", method="DELETE")
    harness.sync()
    assert wallet(harness)["status"] == "paused"
    assert statuses(harness) == ["filled", "open", "open"]
    harness.limit(daily_loss_limit_usd=700)
    refused = resume(harness)
    assert (refused.status, refused.json["open_orders"]) == (409, 1)

    harness.reconcile(later=timedelta(minutes=2))
    assert statuses(harness) == ["filled", "open", "open"]
    harness.venue.mend()
    harness.reconcile(later=timedelta(minutes=4))

    assert statuses(harness) == ["filled", "cancelled", "open"]
    assert resume(harness).status == 200


@pytest.mark.parametrize("broken", ["DELETE", None])
def test_old_buy_is_retried_every_minute(harness: LiveHarness, run: Run, broken: str | None) -> None:
    """Other old orders are reconciled every five minutes. The venue refuses the cancellation, or every request."""
    old = {"created_at": utc_now() - timedelta(hours=2), "settle_at": utc_now() + timedelta(minutes=5)}
    run(harness.database.orders.update_many({"seq": {"$in": [2, 3]}}, {"$set": old}))
    harness.price("BTC/USDT", "44000")
    harness.venue.break_with("status", status=403, times=None, path="/api/v3/order", method="DELETE")
    harness.sync()
    assert statuses(harness) == ["filled", "open", "open"]

    harness.venue.break_with("status", status=403, times=None, path="/api/v3/order", method=broken)
    for minute in range(4):
        assert harness.reconcile(later=timedelta(minutes=minute, seconds=1)).queried == 1
    harness.venue.mend()
    harness.reconcile(later=timedelta(minutes=4, seconds=1))

    assert statuses(harness) == ["filled", "cancelled", "open"]


def test_unknown_buy_is_cancelled_once_it_is_found(harness: LiveHarness) -> None:
    harness.venue.break_with("drop", path="/api/v3/order", method="POST", after=True)
    assert harness.place(price="31000").json["status"] == "unknown"
    harness.price("BTC/USDT", "44000")
    scheduled(harness)
    assert statuses(harness) == ["filled", "cancelled", "open", "open"]

    harness.reconcile(later=timedelta(minutes=1))

    assert harness.order("o-4-1")["status"] == "cancelled"
    assert statuses(harness) == ["filled", "cancelled", "open", "cancelled"]


def test_owner_paused_wallet_loses_buys_and_keeps_its_reason(harness: LiveHarness) -> None:
    body = {"reason": "holiday"}
    assert harness.invoke("pause_wallet", "POST", f"{harness.path}/pause", user=harness.user, body=body).status == 200
    harness.price("BTC/USDT", "44000")
    harness.sync()

    assert (wallet(harness)["status"], wallet(harness)["status_reason"]) == ("paused", "holiday")
    assert statuses(harness) == ["filled", "cancelled", "open"]


@pytest.mark.parametrize("leased", [False, True])
@pytest.mark.parametrize("status", ["paused", "suspended"])
def test_breach_found_while_the_wallet_is_stopped_cancels_buys(
    harness: LiveHarness, run: Run, status: str, leased: bool
) -> None:
    harness.price("BTC/USDT", "44000")

    async def look() -> None:
        read = await UserWalletStore(bootstrap.database()).get(harness.user.id, harness.wallet)
        meanwhile: dict[str, Any] = {"status": status, "status_reason": "a look"}
        if leased:
            meanwhile["sync_lease"] = {"token": "other", "until": utc_now() + timedelta(seconds=60)}
        await harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": meanwhile})
        account = await bootstrap.wallets().connect(harness.user.id, harness.wallet)
        async with account:
            await bootstrap.balance_sync().sync_open(read, account, SyncType.PRE_TRADE)

    run(look())

    assert (wallet(harness)["status"], wallet(harness)["status_reason"]) == (status, "a look")
    assert statuses(harness) == ["filled", "cancelled", "open"]


@pytest.mark.parametrize("after", ["it was judged", "it was opened"])
def test_wallet_stopped_by_a_limit_during_resume_stays_paused(harness: LiveHarness, run: Run, after: str) -> None:
    paused = {"status": "paused", "status_reason": "holiday"}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": paused}))

    async def resumed() -> None:
        store = UserWalletStore(bootstrap.database())
        read = await store.get(harness.user.id, harness.wallet)
        await store.stop_buys([harness.wallet])
        if after == "it was judged":
            read = await store.get(harness.user.id, harness.wallet)
        await LiveLifecycle(harness.database).record(read, SetStatus("active", "owner"), touched(utc_now()))

    with pytest.raises(ConflictError):
        run(resumed())

    assert wallet(harness)["status"] == "paused"
    harness.reconcile(later=timedelta(minutes=2))
    assert statuses(harness) == ["filled", "cancelled", "open"]


def test_buys_left_by_a_dead_worker_are_cancelled_by_reconciliation(harness: LiveHarness, run: Run) -> None:
    """The pause is written before anything is cancelled. This is the state when the worker dies in between."""
    stopped = {"status": "paused", "status_reason": "a limit", "buys_stopped": True}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": stopped}))

    harness.reconcile(later=timedelta(minutes=2))

    assert statuses(harness) == ["filled", "cancelled", "open"]


def test_buys_stay_open_when_the_wallet_was_resumed_meanwhile(harness: LiveHarness, run: Run) -> None:
    run(bootstrap.buy_cancellation().stop([harness.wallet]))

    assert statuses(harness) == ["filled", "open", "open"]


def test_reinstated_wallet_stays_paused_after_a_breach(harness: LiveHarness) -> None:
    body = {"reason": "a look"}
    assert harness.invoke("suspend_wallet", "POST", f"{harness.path}/suspend", user=ADMIN, body=body).status == 200
    harness.price("BTC/USDT", "44000")
    harness.sync()
    assert (wallet(harness)["status"], statuses(harness)) == ("suspended", ["filled", "cancelled", "open"])

    lifted = harness.invoke("reinstate_wallet", "POST", f"{harness.path}/reinstate", user=ADMIN, body=body)

    assert (lifted.status, lifted.json["status"]) == (200, "paused")
    assert resume(harness).json["limit_type"] == "daily_loss_limit_usd"


def test_loss_is_found_beside_a_holding_without_a_price(harness: LiveHarness) -> None:
    (account,) = harness.venue.exchange.accounts.values()
    account.free["NOPRICE"] = D(1)
    scheduled(harness)
    assert wallet(harness)["status"] == "active"
    harness.price("BTC/USDT", "1000")
    scheduled(harness, 10)

    assert wallet(harness)["status"] == "paused"


@pytest.mark.parametrize("last", ["44000", "95000"])
def test_mid_of_an_empty_book_is_no_peak(harness: LiveHarness, last: str) -> None:
    harness.limit(max_drawdown_percent=20, daily_loss_limit_usd=5000)
    scheduled(harness)
    before = wallet(harness)["balance"]["total_value_usd"]
    harness.price("BTC/USDT", last)
    harness.venue.exchange.best["BTC/USDT"] = D(43_000), D(100_000_000)
    scheduled(harness, 10)
    shown = wallet(harness)["balance"]
    assert D(shown["total_value_usd"]) == D(before) + (D(last) - 50_000) * D("0.0999")
    harness.venue.exchange.best.clear()
    harness.price("BTC/USDT", "50000")
    scheduled(harness, 15)

    assert wallet(harness)["status"] == "active"
    found = harness.invoke("preflight_order", "POST", f"{harness.path}/orders/preflight", user=TRADER, body=BUY).json
    (losses,) = [rule for rule in found["rules"] if rule["rule"] == "losses"]
    assert losses["result"] == "passed"


class TestTransfers:
    def test_withdrawal_is_no_loss_and_deposit_hides_no_loss(self, harness: LiveHarness) -> None:
        (account,) = harness.venue.exchange.accounts.values()
        account.free["USDT"] -= 2000
        scheduled(harness)
        assert harness.place(price="20000").status == 201
        assert wallet(harness)["status"] == "active"
        harness.price("BTC/USDT", "44000")
        account.free["USDT"] += 3000
        scheduled(harness, 10)

        assert wallet(harness)["status_reason"] == "daily_loss_limit_usd 500 was reached at 604.4"

    @pytest.mark.parametrize("how", ["scheduled", "before a buy order"])
    def test_loss_from_buying_and_selling_between_syncs_counts(self, harness: LiveHarness, how: str) -> None:
        """The wallet holds as much BTC as before, so only the stored fills distinguish a loss from a withdrawal."""
        scheduled(harness)
        (account,) = harness.venue.exchange.accounts.values()
        held = account.free["BTC"]
        assert harness.place(side="buy", type="market", price=None, amount="0.01").status == 201
        bought = account.free["BTC"] - held
        harness.price("BTC/USDT", "44000")
        assert harness.place(side="sell", type="market", price=None, amount=f"{bought}").status == 201
        assert account.free["BTC"] == held
        harness.price("BTC/USDT", "50000")
        harness.limit(daily_loss_limit_usd=60)
        if how == "scheduled":
            scheduled(harness, 10)
        else:
            harness.place(price="20000")

        assert wallet(harness)["status_reason"].startswith("daily_loss_limit_usd 60 was reached at 6")


def test_loss_tracking_adds_no_round_trip(harness: LiveHarness) -> None:
    with round_trips() as commands:
        scheduled(harness)

    assert commands == ["update", "aggregate", "bulkWrite"]
