"""Pausing, resuming, suspending and reinstating wallets, through the real handlers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ConflictError, WalletError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from tests.conftest import Database, Run
from tests.support.lambdas import ADMIN, TRADER, Answer, Invoke
from tests.support.round_trips import round_trips
from tests.support.wallets import aws, create

__all__ = ["aws"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")


class Life:
    """One wallet, with the status changes that its owner and an admin make."""

    def __init__(self, invoke: Invoke) -> None:
        self.invoke = invoke
        self.id = create(invoke)["id"]

    def post(self, function: str, suffix: str, body: object, user: Any) -> Answer:
        return self.invoke(function, "POST", f"/wallets/{self.id}/{suffix}", user=user, body=body)

    def pause(self, reason: str | None = None) -> Answer:
        return self.post("pause_wallet", "pause", {"reason": reason} if reason else {}, TRADER)

    def resume(self, body: object = None) -> Answer:
        return self.post("resume_wallet", "resume", {"confirm": True} if body is None else body, TRADER)

    def suspend(self, user: Any = ADMIN, body: object = None) -> Answer:
        return self.post("suspend_wallet", "suspend", body or {"reason": "under review"}, user)

    def reinstate(self, user: Any = ADMIN) -> Answer:
        return self.post("reinstate_wallet", "reinstate", {"reason": "cleared"}, user)

    def get(self) -> dict[str, Any]:
        wallet: dict[str, Any] = self.invoke("get_wallet", "GET", f"/wallets/{self.id}", user=TRADER).json
        return wallet


@pytest.fixture
def life(invoke: Invoke) -> Life:
    return Life(invoke)


@pytest.mark.parametrize(("first", "then"), [("full", "reduce_only"), ("reduce_only", "full")])
def test_pause_on_another_level_during_a_resume_is_kept(life: Life, run: Run, first: str, then: str) -> None:
    life.post("pause_wallet", "pause", {"level": first}, TRADER)
    account = run(bootstrap.wallets().connect(TRADER.id, life.id))
    assert life.post("pause_wallet", "pause", {"level": then}, TRADER).status == 200

    with pytest.raises(ConflictError, match=then):
        run(account.record(SetStatus("active", "owner"), {}))

    assert (life.get()["status"], life.get()["pause_level"]) == ("paused", then)
    assert life.resume().json["status"] == "active"


async def _buy(user_wallet_id: str) -> str:
    wallet = await bootstrap.wallets().connect(TRADER.id, user_wallet_id)
    try:
        await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.001"))
    except WalletError as refusal:
        return refusal.code
    return "placed"


def test_wallet_pauses_and_resumes(life: Life, run: Run) -> None:
    paused = life.pause("holiday")

    assert (paused.status, paused.json["status"], paused.json["is_active"]) == (200, "paused", False)
    assert paused.json["status_reason"] == "holiday"
    assert paused.json == life.get()
    assert run(_buy(life.id)) == "WALLET_PAUSED"

    resumed = life.resume()

    assert (resumed.status, resumed.json["status"], resumed.json["is_active"]) == (200, "active", True)
    assert resumed.json["status_reason"] is None
    assert resumed.json == life.get()
    assert run(_buy(life.id)) == "placed"


def test_resuming_opens_the_account_once_and_shows_its_journal(life: Life) -> None:
    life.pause()
    with round_trips() as commands:
        assert life.resume().status == 200

    # the wallet, its account, the commit with the change of the wallet, the wallet as it is stored then, its journal
    assert commands == ["find", "aggregate", "bulkWrite", "find", "aggregate"]


@pytest.mark.parametrize(
    "body", [{}, {"confirm": False}, {"confirm": "true"}, {"confirm": 1}, {"confirm": True, "x": 1}]
)
def test_resume_requires_confirmation(life: Life, body: object) -> None:
    life.pause()

    answer = life.resume(body)

    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")
    assert life.get()["status"] == "paused"


def test_change_to_the_present_status_conflicts(life: Life) -> None:
    assert (life.resume().status, life.resume().json["code"]) == (409, "CONFLICT")
    life.pause()
    assert (life.pause().status, life.pause().json["wallet_status"]) == (409, "paused")
    assert (life.reinstate().status, life.reinstate().json["code"]) == (409, "CONFLICT")
    life.suspend()
    assert life.suspend().status == 409


def test_only_an_admin_can_reinstate(life: Life, run: Run) -> None:
    suspended = life.suspend()

    assert (suspended.status, suspended.json["status"]) == (200, "suspended")
    assert life.get()["status_reason"] == "under review"
    assert run(_buy(life.id)) == "WALLET_SUSPENDED"
    for answer in (life.pause(), life.resume()):
        assert (answer.status, answer.json["code"]) == (409, "WALLET_SUSPENDED")

    assert life.reinstate().json["status"] == "active"
    assert run(_buy(life.id)) == "placed"


def test_paused_wallet_is_paused_again_when_reinstated(life: Life, run: Run) -> None:
    life.pause("mine")
    life.suspend()

    assert life.reinstate().json["status"] == "paused"
    assert run(_buy(life.id)) == "WALLET_PAUSED"
    assert life.resume().json["status"] == "active"
    life.suspend()
    assert life.reinstate().json["status"] == "active"


def test_owners_cannot_suspend_or_reinstate(life: Life) -> None:
    for answer in (life.suspend(TRADER), life.reinstate(TRADER)):
        assert (answer.status, answer.json["code"]) == (403, "FORBIDDEN")
    assert life.suspend(None).status == 401
    assert life.get()["status"] == "active"


def test_pause_suspend_and_reinstate_need_no_key(life: Life, environment: pytest.MonkeyPatch) -> None:
    environment.delenv("KEY_SECRET_ID")
    bootstrap.settings.cache_clear()

    assert [answer.status for answer in (life.pause(), life.suspend(), life.reinstate())] == [200, 200, 200]


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "x" * 501}, {"reason": 1}, {"reason": "a", "x": 1}])
def test_invalid_reason_is_422(life: Life, body: object) -> None:
    assert life.suspend(body=body).status == 422


def test_wallet_whose_credentials_do_not_open_cannot_be_resumed(life: Life, seeded: Database, run: Run) -> None:
    life.pause()
    run(bootstrap.cipher().encrypt({}, TRADER.id, "another"))  # a ring without any key would be the service's fault
    run(seeded.user_wallets.update_one({"_id": life.id}, {"$set": {"credentials": "v1:lost:gAAAA"}}))

    answer = life.resume()

    assert (answer.status, answer.json["code"]) == (422, "INVALID_CREDENTIALS")
    assert life.get()["status"] == "paused"


def test_every_status_change_is_a_ledger_entry(life: Life, seeded: Database, run: Run) -> None:
    life.pause()
    life.resume()
    life.suspend()
    life.reinstate()

    entries = run(seeded.demo_wallet_ledger.find({"user_wallet_id": life.id}).sort("seq", 1).to_list())

    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5]


def test_connection_test_result_is_stored(life: Life, invoke: Invoke) -> None:
    answer = invoke("test_connection", "POST", f"/wallets/{life.id}/test-connection", user=TRADER)

    assert answer.status == 200
    result = answer.json
    assert (result["success"], result["error_message"]) == (True, None)
    assert result["wallet_name"] == life.get()["wallet_name"]
    assert 0 <= result["latency_ms"] < 10_000
    assert life.get()["connection"]["last_successful_ping"] == result["tested_at"]


def test_failed_connection_test_is_200_and_stored(life: Life, invoke: Invoke, seeded: Database, run: Run) -> None:
    run(seeded.demo_wallet_state.delete_one({"_id": life.id}))
    run(seeded.demo_wallet_ledger.delete_many({"user_wallet_id": life.id}))

    answer = invoke("test_connection", "POST", f"/wallets/{life.id}/test-connection", user=TRADER)

    assert (answer.status, answer.json["success"]) == (200, False)
    assert answer.json["error_message"]
    connection = life.get()["connection"]
    assert (connection["is_connected"], connection["last_error"]) == (False, answer.json["error_message"])


def test_pause_takes_a_body_or_none_and_shows_its_level(life: Life) -> None:
    answer = life.invoke("pause_wallet", "POST", f"/wallets/{life.id}/pause", user=TRADER)
    assert (answer.status, answer.json["status"], answer.json["pause_level"]) == (200, "paused", "reduce_only")
    full = life.post("pause_wallet", "pause", {"level": "full"}, TRADER)
    assert (full.status, full.json["pause_level"]) == (200, "full")
    assert life.get() == full.json
    assert life.resume().json["pause_level"] is None
    assert life.get()["pause_level"] is None


@pytest.mark.parametrize("body", [{"level": "half"}, {"level": None}, {"keep_orders": "yes"}, {"keep_orders": 1}])
def test_invalid_pause_is_422(life: Life, body: object) -> None:
    assert life.post("pause_wallet", "pause", body, TRADER).status == 422


def test_pause_cancels_open_buys_unless_it_keeps_them(life: Life) -> None:
    def buy() -> str:
        order = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.001", "price": "10000"}
        placed = life.invoke("place_order", "POST", f"/wallets/{life.id}/orders", user=TRADER, body=order)
        assert placed.status == 201, placed.text
        return str(placed.json["order_id"])

    def status(order_id: str) -> str:
        path = f"/wallets/{life.id}/orders/{order_id}"
        return str(life.invoke("get_order", "GET", path, user=TRADER).json["status"])

    kept = buy()
    assert life.post("pause_wallet", "pause", {"keep_orders": True}, TRADER).status == 200
    assert status(kept) == "open"
    life.resume()
    assert life.post("pause_wallet", "pause", {}, TRADER).status == 200
    assert status(kept) == "cancelled"


def test_paused_wallet_sells_and_closes(life: Life, run: Run) -> None:
    run(_buy(life.id))
    life.pause("mine")
    refused = life.invoke(
        "place_order", "POST", f"/wallets/{life.id}/orders", user=TRADER,
        body={"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"},
    )  # fmt: skip
    assert (refused.status, refused.json["code"], refused.json["level"]) == (409, "WALLET_PAUSED", "reduce_only")
    order = {"symbol": "BTC/USDT", "side": "sell", "type": "stop_loss", "amount": "0.001", "stop_price": "20000"}
    placed = life.invoke("place_order", "POST", f"/wallets/{life.id}/orders", user=TRADER, body=order)
    assert placed.status == 201, placed.text
    closed = life.invoke(
        "close_position", "POST", f"/wallets/{life.id}/positions/close", user=TRADER, query={"symbol": "BTC/USDT"}
    )
    assert (closed.status, closed.json["status"]) == (201, "filled"), closed.text
