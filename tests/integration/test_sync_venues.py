"""Balance sync of accounts at a venue: snapshots, key permissions and failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from moniqo_core import bootstrap
from moniqo_core.domain.clock import rfc3339, utc_now
from moniqo_core.domain.errors import InvalidCredentialsError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.sync.outcome import SyncType
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.exchange import account as exchange_account
from tests.conftest import Database, Run
from tests.integration.test_venue_wallets import connected, venue
from tests.support.lambdas import ADMIN, TRADER, Invoke
from tests.support.queued_work import message
from tests.support.round_trips import round_trips
from tests.support.sync_calls import dispatch, get, received, sync, sync_log, work
from tests.support.venues.exchange import Ticket
from tests.support.venues.server import FakeVenue
from tests.support.wallets import aws

__all__ = ["aws", "venue"]


@pytest.fixture(autouse=True)
def _sockets(run: Run) -> Iterator[None]:
    yield
    if bootstrap.wallets.cache_info().currsize:
        run(bootstrap.wallets().close())


def tick(minutes: int = 5) -> Any:
    return utc_now() + timedelta(minutes=minutes)


def test_schedule_syncs_a_venue_account_to_a_snapshot(venue: FakeVenue, invoke: Invoke) -> None:
    wallet = connected(invoke, venue, balances={"USDT": "1000", "BTC": "0.5"})
    assert dispatch(tick()) == 1
    assert work(received()) == []

    shown = get(invoke, wallet)

    balance = shown["balance"]
    assert (balance["total_value_usd"], balance["partial"]) == ("26000", False)
    assert (shown["status"], shown["statistics"]) == ("active", {"total_syncs": 1, "failed_syncs": 0})
    (row,) = sync_log(invoke, wallet)["items"]
    assert (row["status"], row["balanced"], row["api_calls"]) == ("success", True, 2)
    since = rfc3339(utc_now() - timedelta(hours=2))
    equity = invoke("get_equity", "GET", f"/wallets/{wallet}/equity", user=TRADER, query={"from": since}).json
    assert equity["mode"] == "live"
    assert [(point["total_value_usd"], point["realised_pnl"]) for point in equity["items"]] == [("26000", None)]


def test_unpriced_asset_is_named_and_left_out_of_the_total(venue: FakeVenue, invoke: Invoke) -> None:
    wallet = connected(invoke, venue, balances={"USDT": "1000", "NOPRICE": "3"})

    answer = sync(invoke, wallet)

    assert answer.json["success"] is True
    balance = answer.json["balance"]
    assert (balance["partial"], balance["total_value_usd"]) == (False, "1000")
    assert balance["unpriced_assets"] == ["NOPRICE"]
    assert {item["asset"]: item["value_usd"] for item in balance["assets"]} == {"USDT": "1000", "NOPRICE": None}
    (row,) = sync_log(invoke, wallet)["items"]
    assert (row["status"], row["total_value_usd"]) == ("success", "1000")
    since = rfc3339(utc_now() - timedelta(hours=2))
    equity = invoke("get_equity", "GET", f"/wallets/{wallet}/equity", user=TRADER, query={"from": since}).json
    assert [point["total_value_usd"] for point in equity["items"]] == ["1000"]


def test_trades_explain_a_balance_and_a_deposit_is_a_residue(venue: FakeVenue, invoke: Invoke, run: Run) -> None:
    wallet = connected(invoke, venue, balances={"USDT": "1000"})
    sync(invoke, wallet)

    async def trade() -> None:
        opened = await bootstrap.wallets().connect(TRADER.id, wallet)
        await opened.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.01"))
        await opened.close()

    run(trade())
    sync(invoke, wallet)
    (account,) = venue.exchange.accounts.values()
    account.free["USDT"] += 50
    sync(invoke, wallet)
    sync(invoke, wallet)

    still, deposit, traded, first = sync_log(invoke, wallet)["items"]
    assert first["equation"] == []
    assert traded["balanced"] is True
    lines = {line["asset"]: line for line in traded["equation"]}
    assert (lines["BTC"]["trades"], lines["BTC"]["fees"]) == ("0.01", "0.00001")
    assert Decimal(lines["USDT"]["trades"]) == -Decimal("500.0001")
    assert [(line["asset"], line["residue"]) for line in deposit["equation"]] == [("USDT", "50")]
    assert deposit["balanced"] is False
    assert (still["equation"], still["balanced"], still["api_calls"]) == ([], True, 2)


def test_balance_is_stored_when_fills_cannot_be_read_in_time(
    venue: FakeVenue, invoke: Invoke, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = connected(invoke, venue, balances={"USDT": "1000"})
    sync(invoke, wallet)
    (account,) = venue.exchange.accounts.values()
    venue.exchange.place(account, Ticket("mine", "BTC/USDT", "buy", "market", Decimal("0.01")))
    monkeypatch.setattr(exchange_account, "SECONDS_WITH_FILLS", 1.0)
    venue.break_with("hang", path="myTrades", times=None)

    assert sync(invoke, wallet).json["success"] is True
    assert "BTC" in {item["asset"] for item in get(invoke, wallet)["balance"]["assets"]}
    monkeypatch.undo()
    venue.mend()
    sync(invoke, wallet)
    sync(invoke, wallet)

    still, caught_up, behind, _ = sync_log(invoke, wallet)["items"]
    assert [row["status"] for row in (behind, caught_up, still)] == ["partial", "success", "success"]
    assert {line["asset"] for line in behind["equation"] if Decimal(line["residue"])} == {"BTC", "USDT"}
    lines = {line["asset"]: line for line in caught_up["equation"]}
    assert lines["BTC"]["trades"] == "0.01"
    assert still["balanced"] is True


class TestKeyPermissions:
    def test_key_that_gained_withdrawal_pauses_the_wallet(self, venue: FakeVenue, invoke: Invoke) -> None:
        wallet = connected(invoke, venue)
        sync(invoke, wallet)
        (account,) = venue.exchange.accounts.values()
        account.can_withdraw = True

        work([message(wallet, scheduled=tick())])

        shown = get(invoke, wallet)
        assert shown["status"] == "paused"
        assert "can withdraw" in shown["status_reason"]
        body = {"confirm": True}
        resumed = invoke("resume_wallet", "POST", f"/wallets/{wallet}/resume", user=TRADER, body=body)
        assert (resumed.status, resumed.json["code"]) == (422, "INVALID_CREDENTIALS")

    def test_changed_key_permissions_pause_the_wallet_once(self, venue: FakeVenue, invoke: Invoke) -> None:
        wallet = connected(invoke, venue)
        sync(invoke, wallet)
        (account,) = venue.exchange.accounts.values()
        account.ip_restricted = True
        sync(invoke, wallet)
        shown = get(invoke, wallet)
        assert (shown["status"], shown["balance"]["total_value_usd"]) == ("paused", "10000")
        assert shown["status_reason"] == "The permissions of the API key changed at the venue: ip_restricted."

        body = {"confirm": True}
        assert invoke("resume_wallet", "POST", f"/wallets/{wallet}/resume", user=TRADER, body=body).status == 200
        sync(invoke, wallet)
        assert get(invoke, wallet)["status"] == "active"

    def test_revoked_key_fails_with_invalid_credentials(self, venue: FakeVenue, invoke: Invoke) -> None:
        wallet = connected(invoke, venue)
        (account,) = venue.exchange.accounts.values()
        account.revoked = True

        assert work([message(wallet, scheduled=tick())]) == []

        (row,) = sync_log(invoke, wallet)["items"]
        assert (row["status"], row["error_code"]) == ("failed", "INVALID_CREDENTIALS")
        assert get(invoke, wallet)["connection"]["retry_count"] == 1


def test_retry_after_of_the_venue_delays_the_next_sync(venue: FakeVenue, invoke: Invoke) -> None:
    wallet = connected(invoke, venue)
    venue.break_with("status", path="/api/v3/account", times=None, status=429, headers={"Retry-After": "3600"})

    work([message(wallet, scheduled=tick())])

    (row,) = sync_log(invoke, wallet)["items"]
    assert row["error_code"] == "RATE_LIMIT_EXCEEDED"
    connection = get(invoke, wallet)["connection"]
    assert connection["next_retry_at"] >= rfc3339(utc_now() + timedelta(minutes=55))


@pytest.mark.parametrize("count", [1, 12])
def test_batch_of_any_size_makes_three_round_trips(
    venue: FakeVenue, invoke: Invoke, count: int, seeded: Database, run: Run
) -> None:
    """The lease, the documents with the credentials, and the results. Prices and markets come from the venue."""
    wallets = [connected(invoke, venue) for _ in range(count)]
    sync(invoke, wallets[0])

    with round_trips() as commands:
        assert work([message(*wallets, scheduled=tick())]) == []

    assert commands == ["update", "aggregate", "bulkWrite"]
    assert venue.calls("bookTicker") <= 2


class TestOutcomeOfReplacedCredentials:
    """A query that began with credentials that the owner replaced meanwhile says nothing about the new ones."""

    def _replaced_during(
        self, venue: FakeVenue, run: Run, wallet: str, use: Callable[[UserWallet, BaseWallet], Awaitable[object]]
    ) -> None:
        """Open the wallet, replace its credentials, and only then let the opened wallet be used."""

        async def work() -> None:
            read = await bootstrap.user_wallets().get(TRADER.id, wallet)
            async with await bootstrap.wallets().open_live(read) as opened:
                new = {name: SecretStr(value) for name, value in venue.credentials().items()}
                await bootstrap.wallet_connection().replace(TRADER.id, wallet, new)
                await use(read, opened)

        run(work())

    def test_old_key_that_can_withdraw_does_not_pause_the_wallet(
        self, venue: FakeVenue, invoke: Invoke, run: Run
    ) -> None:
        wallet = connected(invoke, venue)
        (old,) = venue.exchange.accounts.values()
        old.can_withdraw = True

        self._replaced_during(
            venue, run, wallet, lambda read, opened: bootstrap.balance_sync().sync_open(read, opened, SyncType.MANUAL)
        )

        assert (get(invoke, wallet)["status"], get(invoke, wallet)["status_reason"]) == ("active", None)

    def test_old_key_that_was_revoked_is_no_error_of_the_connection(
        self, venue: FakeVenue, invoke: Invoke, run: Run
    ) -> None:
        wallet = connected(invoke, venue)

        async def use(read: UserWallet, opened: BaseWallet) -> None:
            venue.exchange.accounts.pop(next(iter(venue.exchange.accounts)))
            with pytest.raises(InvalidCredentialsError):
                await bootstrap.balance_sync().sync_open(read, opened, SyncType.MANUAL)

        self._replaced_during(venue, run, wallet, use)

        connection = get(invoke, wallet)["connection"]
        assert (connection["is_connected"], connection["last_error"], connection["retry_count"]) == (True, None, 0)


def test_key_that_gains_withdrawal_during_a_suspension_pauses_the_reinstated_wallet(
    venue: FakeVenue, invoke: Invoke
) -> None:
    wallet = connected(invoke, venue)
    sync(invoke, wallet)
    (account,) = venue.exchange.accounts.values()
    reason = {"reason": "a review"}
    assert invoke("suspend_wallet", "POST", f"/wallets/{wallet}/suspend", user=ADMIN, body=reason).status == 200
    account.ip_restricted = True
    sync(invoke, wallet)
    answer = invoke("reinstate_wallet", "POST", f"/wallets/{wallet}/reinstate", user=ADMIN, body=reason)
    assert answer.json["status"] == "paused"
