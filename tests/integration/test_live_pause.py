"""A paused live wallet buys nothing, sells unless fully paused, and its open buy orders are cancelled at the venue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.storage.live.lifecycle import LiveLifecycle
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.lifecycle_changes import touched
from tests.conftest import Run
from tests.support.lambdas import ADMIN, Answer
from tests.support.live_harness import LiveHarness, wallet_with_orders
from tests.support.wallets import aws

__all__ = ["aws", "wallet_with_orders"]

SALE: dict[str, Any] = {"type": "market", "side": "sell", "price": None, "amount": "0.01"}


def post(harness: LiveHarness, function: str, suffix: str, body: object, user: Any = None) -> Answer:
    return harness.invoke(function, "POST", f"{harness.path}/{suffix}", user=user or harness.user, body=body)


def pause(harness: LiveHarness, body: object = None) -> dict[str, Any]:
    answer = post(harness, "pause_wallet", "pause", body)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def statuses(harness: LiveHarness) -> list[str]:
    return [order.status for order in harness.at_venue()]


def test_wallet_paused_without_a_body_cancels_buy_orders_at_the_venue_and_still_sells(harness: LiveHarness) -> None:
    assert pause(harness)["pause_level"] == "reduce_only"
    assert statuses(harness) == ["filled", "cancelled", "open"]
    refused = harness.place(price="31000")
    assert (refused.status, refused.json["code"], refused.json["level"]) == (409, "WALLET_PAUSED", "reduce_only")
    assert harness.place(**SALE).status == 201
    path, query = f"{harness.path}/positions/close", {"symbol": "BTC/USDT"}
    closed = harness.invoke("close_position", "POST", path, user=harness.user, query=query)
    assert closed.status == 201, closed.text


def test_pause_that_keeps_orders_leaves_buy_orders_open(harness: LiveHarness) -> None:
    pause(harness, {"keep_orders": True})
    assert statuses(harness) == ["filled", "open", "open"]
    harness.reconcile(later=timedelta(minutes=2))
    assert statuses(harness) == ["filled", "open", "open"]


def test_fully_paused_wallet_sells_nothing_until_its_pause_level_is_changed(harness: LiveHarness) -> None:
    pause(harness, {"level": "full", "reason": "holiday"})
    refused = harness.place(**SALE)
    assert (refused.status, refused.json["level"]) == (409, "full")
    assert '{"level": "reduce_only"}' in refused.json["hint"]
    assert post(harness, "pause_wallet", "pause", {}).status == 409
    pause(harness, {"level": "reduce_only"})
    assert harness.place(**SALE).status == 201


def test_buy_orders_that_a_pause_could_not_cancel_are_cancelled_later(harness: LiveHarness) -> None:
    harness.venue.break_with("status", method="DELETE", status=503, times=None)
    pause(harness)
    assert statuses(harness) == ["filled", "open", "open"]
    harness.venue.mend()
    harness.reconcile(later=timedelta(minutes=2))
    assert statuses(harness) == ["filled", "cancelled", "open"]


def test_wallet_resumes_after_its_buy_orders_are_cancelled(harness: LiveHarness) -> None:
    pause(harness)
    resumed = post(harness, "resume_wallet", "resume", {"confirm": True})
    assert (resumed.status, resumed.json["pause_level"]) == (200, None)
    assert harness.place(price="31000").status == 201
    harness.reconcile(later=timedelta(minutes=2))
    assert statuses(harness) == ["filled", "cancelled", "open", "open"]


def test_loss_limit_pauses_as_reduce_only_with_a_hint_that_works(harness: LiveHarness) -> None:
    harness.price("BTC/USDT", "44000")
    harness.sync()
    refused = harness.place(price="31000").json
    assert (refused["code"], refused["level"]) == ("WALLET_PAUSED", "reduce_only")
    assert "PATCH /wallets/{id}" in refused["hint"]
    assert harness.place(**SALE).status == 201
    harness.limit(daily_loss_limit_usd=100_000)
    assert post(harness, "resume_wallet", "resume", {"confirm": True}).status == 200


@pytest.mark.parametrize(
    ("stored", "level"),
    [
        ({"status": "paused", "status_reason": "holiday"}, "full"),
        ({"status": "paused", "status_reason": None}, "full"),
        (
            {
                "status": "paused",
                "status_reason": "daily_loss_limit_usd 500 was reached at 604.4",
                "buys_stopped": True,
            },
            "reduce_only",
        ),
    ],
)
def test_stored_pauses_without_a_level(harness: LiveHarness, run: Run, stored: dict[str, Any], level: str) -> None:
    change = {"$set": stored, "$unset": {"pause_level": ""}}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, change))
    assert harness.place(price="31000").json["level"] == level
    assert harness.place(**SALE).status == (201 if level == "reduce_only" else 409)
    shown = harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json
    assert shown["pause_level"] == level


def test_reinstated_wallet_has_the_level_of_its_pause(harness: LiveHarness) -> None:
    pause(harness)
    assert post(harness, "suspend_wallet", "suspend", {"reason": "a look"}, ADMIN).status == 200
    answer = post(harness, "reinstate_wallet", "reinstate", {"reason": "cleared"}, ADMIN)
    assert (answer.json["status"], answer.json["pause_level"]) == ("paused", "reduce_only")
    assert harness.place(**SALE).status == 201


@pytest.mark.parametrize(("first", "then"), [("full", "reduce_only"), ("reduce_only", "full")])
def test_pause_on_another_level_during_a_resume_is_kept(harness: LiveHarness, run: Run, first: str, then: str) -> None:
    pause(harness, {"level": first})
    read = run(UserWalletStore(bootstrap.database()).get(harness.user.id, harness.wallet))
    pause(harness, {"level": then})

    resumed = LiveLifecycle(bootstrap.database()).record(
        read, SetStatus("active", "owner"), {**touched(utc_now()), "buys_stopped": False}
    )

    with pytest.raises(ConflictError):
        run(resumed)
    shown = harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json
    assert (shown["status"], shown["pause_level"]) == ("paused", then)


def test_stored_pause_without_a_level_is_resumed(harness: LiveHarness, run: Run) -> None:
    change = {"$set": {"status": "paused", "status_reason": "holiday"}, "$unset": {"pause_level": ""}}
    run(harness.database.user_wallets.update_one({"_id": harness.wallet}, change))

    assert post(harness, "resume_wallet", "resume", {"confirm": True}).status == 200
