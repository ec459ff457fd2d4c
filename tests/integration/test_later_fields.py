"""Fields that a later release stores are ignored by every read, and kept by every write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from moniqo_core import cli
from moniqo_core.storage.paper.replay.comparison import is_later_field
from tests.conftest import Database, Run
from tests.support import recorded
from tests.support.engine import Clock
from tests.support.lambdas import ADMIN
from tests.support.later_fields import LATER, unpacked, with_later_fields
from tests.support.recorded import Documents, Recording
from tests.support.recorded_calls import BASE, send
from tests.support.recorded_venues import open_venues, prices_of_a_venue
from tests.support.wallets import KEY_SECRET, aws

__all__ = ["aws"]

pytestmark = pytest.mark.own_database

PAPER = Recording(recorded.FIXTURES / "release_0_1_0" / "paper")
LIVE = Recording(recorded.FIXTURES / "release_0_1_0" / "live")


@pytest.fixture
def paper(aws: None, environment: pytest.MonkeyPatch, database: Database, run: Run) -> Iterator[Documents]:
    recorded.allow_venues(environment)
    clock: Clock = recorded.stop_clocks(environment, PAPER.at)
    documents = with_later_fields(PAPER.documents())
    run(recorded.store(database, documents))
    with prices_of_a_venue(database, clock):
        yield documents


@pytest.fixture
def live(aws: None, environment: pytest.MonkeyPatch, database: Database, run: Run) -> Iterator[Documents]:
    recorded.allow_venues(environment)
    recorded.stop_clocks(environment, LIVE.at)
    boto3.client("secretsmanager").put_secret_value(SecretId=KEY_SECRET, SecretString=LIVE.answers["key_ring"])
    documents = with_later_fields(LIVE.documents())
    run(recorded.store(database, documents))
    with open_venues(database, LIVE.answers["venues"]):
        yield documents


def assert_answered_as_without(recording: Recording) -> None:
    """Assert that questions and repeats have the status that they had without the unknown fields.

    Of those that differ in ids only, one is asked.
    """
    items = [*recording.answers["repeats"], *recording.answers["questions"]]
    different = {(_shape(item["request"]), item["answer"]["status"]): item for item in items}
    assert len(different) > 20
    for item in different.values():
        answer = send(item["request"])
        assert answer["status"] == item["answer"]["status"], (item["request"], answer)


def _shape(asked: dict[str, Any]) -> tuple[str, ...]:
    path = re.sub(r"[0-9a-f-]{36}|o-\d+-\d+", "{}", asked["path"])
    body = asked.get("body") or {}
    return asked["method"], path, str(body.get("type")), *sorted(asked.get("query") or ())


def done(method: str, path: str, document: dict[str, Any], body: object = None, query: object = None) -> Any:
    """Send a request of a wallet's owner, and return the body of the answer, which must be a success."""
    user = {"id": document["user_id"], "groups": []}
    answer = send({"method": method, "path": f"{BASE}{path}", "user": user, "body": body, "query": query})
    assert answer["status"] in {200, 201}, (path, answer["body"])
    return answer["body"]


def test_paper_wallets_are_read(paper: Documents) -> None:
    assert_answered_as_without(PAPER)


def test_live_wallets_are_read(live: Documents) -> None:
    assert_answered_as_without(LIVE)


def test_journals_replay_and_the_ignored_fields_are_named(
    paper: Documents, database: Database, mongo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--all", "--mongodb-url", mongo_url, "--mongodb-database", database.name]) == 0
    shown = capsys.readouterr().out
    assert "16 wallets, 289 entries: none differ\n" in shown
    assert f"Ignored fields: {LATER}, which this release does not know.\n" in shown


def test_every_field_that_this_release_stores_is_compared() -> None:
    """A field that a replay did not know would be ignored, and a change of it would not be found."""
    documents = PAPER.documents()
    stored = [*documents["demo_wallet_ledger"], *documents["demo_wallet_state"]]
    names = set().union(*(_names(document) for document in stored))
    assert len(names) > 100
    assert [name for name in sorted(names) if is_later_field(name)] == []


def _names(value: Any) -> set[str]:
    """Return every name of a field in a document, with the paths that an entry changes."""
    if isinstance(value, dict):
        changed = {path for path, _ in value.get("changes", ())}
        return changed.union(value, *(_names(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*map(_names, value))
    return _names(unpacked(value)) if isinstance(value, bytes) else set()


def test_paper_wallets_trade_on_and_keep_the_fields(paper: Documents, database: Database, run: Run) -> None:
    states = {state["_id"]: state for state in paper["demo_wallet_state"]}
    wallets = [
        wallet for wallet in paper["user_wallets"] if wallet["status"] == "active" and states[wallet["_id"]]["orders"]
    ]
    assert wallets
    for wallet in wallets:
        path, before = f"/wallets/{wallet['_id']}", states[wallet["_id"]]
        done("PATCH", path, wallet, {"custom_name": "Renamed"})
        (order_id, *_), orders = before["orders"], before["orders"]
        amount = unpacked(orders[order_id])["amount"]
        done("PATCH", f"{path}/orders/{order_id}", wallet, {"amount": str(float(amount) * 2)})
        # A commit that was cut short leaves the snapshot behind. The next commit writes it whole.
        run(database.demo_wallet_state.replace_one({"_id": wallet["_id"]}, before))
        done("PATCH", path, wallet, {"risk_limits": {"max_open_positions": 50}})

        state, stored = run(_state_of(database, wallet["_id"]))
        assert state["seq"] > before["seq"]
        assert state[LATER] == stored[LATER] == 1
        assert unpacked(state["orders"][order_id])[LATER] == 1
        replay = run(recorded.replay_of(database, wallet["_id"], PAPER.seed, PAPER.at))
        assert replay["difference"] is None, replay
        done("POST", f"{path}/reset", wallet)
        assert run(_state_of(database, wallet["_id"]))[0][LATER] == 1


async def _state_of(database: Database, wallet: str) -> tuple[dict[str, Any], dict[str, Any]]:
    state = await database.demo_wallet_state.find_one({"_id": wallet})
    stored = await database.user_wallets.find_one({"_id": wallet})
    assert state is not None
    assert stored is not None
    return state, stored


def test_live_orders_are_cancelled_and_keep_the_fields(live: Documents, database: Database, run: Run) -> None:
    open_ones = [order for order in live["orders"] if order["status"] == "open"]
    for order in open_ones:
        path = f"/wallets/{order['user_wallet_id']}/orders/o-{order['seq']}-1"
        assert done("DELETE", path, order)["status"] == "cancelled"

    stored = run(database.orders.find({"_id": {"$in": [order["_id"] for order in open_ones]}}).to_list())
    assert len(stored) == len(open_ones) > 0
    for order in stored:
        assert order["status"] == "cancelled"
        assert "settle_at" not in order
        assert order[LATER] == order["request"][LATER] == 1


def test_changed_definition_keeps_the_field(paper: Documents, database: Database, run: Run) -> None:
    slug = paper["wallets"][0]["slug"]
    user = {"id": ADMIN.id, "groups": list(ADMIN.groups)}
    path = f"{BASE}/wallets/definitions/{slug}"
    answer = send({"method": "PATCH", "path": path, "user": user, "body": {"description": "Changed."}})

    assert answer["status"] == 200, answer
    [stored] = run(database.wallets.find({"slug": slug}).to_list())
    assert (stored["description"], stored[LATER]) == ("Changed.", 1)


def test_switch_of_live_orders_keeps_the_field(
    live: Documents, database: Database, run: Run, mongo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--mongodb-url", mongo_url, "--mongodb-database", database.name]
    assert cli.main(["live", "start", *where]) == 0
    [stored] = run(database.deployment.find({"_id": "live_trading"}).to_list())
    assert (stored["stopped"], stored[LATER]) == (False, 1)
