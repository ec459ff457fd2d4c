"""Paper wallets that release 0.1.0 wrote: the present code reads them, decides them again and answers the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.ledger.rules import RULES_VERSION
from tests.conftest import Database, Run
from tests.support import recorded
from tests.support.engine import Clock
from tests.support.recorded import Documents, Recording
from tests.support.recorded_calls import BASE, differences, send, unequal
from tests.support.recorded_venues import prices_of_a_venue
from tests.support.wallets import aws

__all__ = ["aws"]

pytestmark = pytest.mark.own_database

BOOKS = ("demo_wallet_ledger", "demo_wallet_state", "user_wallets", "equity")
PAPER = Recording(recorded.FIXTURES / "release_0_1_0" / "paper")


@pytest.fixture
def clock(environment: pytest.MonkeyPatch) -> Clock:
    recorded.allow_venues(environment)
    return recorded.stop_clocks(environment, PAPER.at)


@pytest.fixture
def stored(aws: None, clock: Clock, database: Database, run: Run) -> Iterator[Documents]:
    """The recorded documents, in the database as well, at the moment the recording ended."""
    documents = PAPER.documents()
    run(recorded.store(database, documents))
    with prices_of_a_venue(database, clock):
        yield documents


def test_every_journal_is_decided_again_as_it_was(stored: Documents, database: Database, run: Run) -> None:
    replays = PAPER.results["replays"]
    assert recorded.wallets_in(stored) == sorted(replays)
    for wallet, replay in replays.items():
        assert run(recorded.replay_of(database, wallet, PAPER.seed, PAPER.at)) == replay
        assert replay["difference"] is None


def test_an_account_is_rebuilt_as_it_was(stored: Documents, database: Database, run: Run) -> None:
    for wallet, states in PAPER.results["states"].items():
        present = run(recorded.states_of(database, wallet, PAPER.results["replays"][wallet]["entries"]))
        assert differences(states, present) == []


def test_commands_have_the_hashes_they_had() -> None:
    documents = PAPER.documents()
    hashes = PAPER.results["body_hashes"]
    assert recorded.body_hashes(documents) == hashes
    named = {entry["_id"]: entry for entry in documents["demo_wallet_ledger"] if "body_hash" in entry}
    assert len(named) > 80
    assert {name: entry["body_hash"] for name, entry in named.items()} == {name: hashes[name] for name in named}


def _is_of_new_rules(difference: str) -> bool:
    """Tell whether a preflight shows a higher exposure, in which open stop_limit buys count at their limit.

    A preflight asks about a new order, which the present rules decide.
    """
    place = re.search(r"/orders/preflight .*\.rules\[[67]\]\.numbers\.value: recorded '(.+)', now '(.+)'", difference)
    return place is not None and Decimal(place[1]) < Decimal(place[2])


def _shows_a_trigger(difference: str) -> bool:
    """Tell whether a trailing stop shows its present trigger. Before, it had a percentage only."""
    return re.search(r"\.stop_price: recorded None, now '[0-9.]+'$", difference) is not None


def _is_of_the_journal(difference: str) -> bool:
    """Tell whether a wallet shows another balance: release 0.1.0 showed that of the last sync, not of the journal."""
    return (
        re.match(rf"GET {BASE}/wallets(/[0-9a-f-]{{36}})? \.body(\.items\[\d+\])?\.balance\.", difference) is not None
    )


@pytest.mark.parametrize("asked", ["questions", "repeats"])
def test_the_api_answers_as_it_did(stored: Documents, database: Database, run: Run, asked: str) -> None:
    """Questions and repeated requests. All of them were asked at this moment before, so nothing is written."""
    found = [difference for difference in unequal(PAPER.answers[asked]) if not _is_of_the_journal(difference)]
    others = [difference for difference in found if not _shows_a_trigger(difference)]
    assert [difference for difference in others if not _is_of_new_rules(difference)] == []
    assert len(others) == (2 if asked == "questions" else 0)
    assert len(found) - len(others) == (8 if asked == "questions" else 4)
    now = run(recorded.contents(database))
    assert {name: now[name] for name in BOOKS} == {name: stored[name] for name in BOOKS}


def test_a_refused_id_may_still_be_used(stored: Documents) -> None:
    """The id of an order that was only ever refused stands for nothing."""
    used = {entry.get("client_order_id") for entry in stored["demo_wallet_ledger"]}
    refused = [item["request"] for item in PAPER.transcript() if item["answer"]["status"] == 422]
    free = {
        (asked["path"], asked["body"]["client_order_id"]): asked
        for asked in refused
        if asked["body"].get("client_order_id") and asked["body"]["client_order_id"] not in used
    }
    assert len(free) >= 5
    for (path, name), asked in free.items():
        symbol = "BTC/USDT" if asked["body"]["symbol"].endswith("T") else "MSFT/USD"
        order = {"symbol": symbol, "side": "buy", "type": "market", "quote_amount": "600", "client_order_id": name}
        placed = send({**asked, "body": order})
        assert (placed["status"], placed["replayed"]) == (201, False), (path, placed)


def test_recorded_wallets_trade_on(stored: Documents, database: Database, run: Run, clock: Clock) -> None:
    """New entries are decided by the present rules. A replay decides each entry by the rules of its own version."""
    wallets = {wallet["_id"]: wallet for wallet in stored["user_wallets"] if not wallet.get("deleted_at")}
    for wallet, document in wallets.items():
        user = {"id": document["user_id"], "groups": []}
        asked = {"path": f"{BASE}/wallets/{wallet}", "user": user}
        if document["status"] == "active":
            order = _small_order(document)
            placed = send({**asked, "method": "POST", "path": f"{asked['path']}/orders", "body": order})
            assert placed["status"] == 201, placed
        clock.forward(seconds=30)
        assert send({**asked, "method": "GET", "path": f"{asked['path']}/orders"})["status"] == 200
        entries = PAPER.results["replays"][wallet]["entries"]
        replay = run(recorded.replay_of(database, wallet, PAPER.seed, clock()))
        assert replay["difference"] is None, replay
        assert replay["entries"] > entries or document["status"] != "active"
    ledger = run(recorded.contents(database))["demo_wallet_ledger"]
    added = [entry for entry in ledger if entry["seq"] > PAPER.results["replays"][entry["user_wallet_id"]]["entries"]]
    assert {entry["rules_version"] for entry in added} == {RULES_VERSION} == {2}
    assert {entry["rules_version"] for entry in ledger if entry not in added} == {1}


def _small_order(wallet: dict[str, Any]) -> dict[str, Any]:
    symbol = "AAPL/USD" if "stocks" in wallet["wallet_slug"] else "BTC/USDT"
    return {"symbol": symbol, "side": "buy", "type": "market", "quote_amount": "300", "client_order_id": "traded-on"}


def test_what_was_recorded_has_something_of_everything() -> None:
    documents = PAPER.documents()
    orders = [order for entry in documents["demo_wallet_ledger"] for order in entry.get("orders", ())]
    assert {order["type"] for order in orders} == {
        "market", "limit", "stop_loss", "take_profit", "stop_limit", "trailing_stop",
    }  # fmt: skip
    assert {order["time_in_force"] for order in orders} == {"GTC", "IOC", "FOK", "DAY", "GTD"}
    assert {order["status"] for order in orders} == {
        "pending", "open", "partially_filled", "filled", "cancelled", "expired",
    }  # fmt: skip
    assert {entry["kind"] for entry in documents["demo_wallet_ledger"]} == {
        "open", "place", "closeposition", "reset", "cancel", "cancelall", "mark", "setstatus", "setlimits", "close",
    }  # fmt: skip
    assert {wallet["status"] for wallet in documents["user_wallets"]} == {"active", "paused", "suspended"}
    assert isinstance(PAPER.at, datetime)
