"""The folder of a local run of release 0.1.0: a run of the present code goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.support.local_run import LocalRun, local_run
from tests.support.recorded import FIXTURES, Recording
from tests.support.recorded_calls import BASE, Document
from tests.support.recorded_run import ask, changes, lead, replays, shifted_clock, unequal, unpack
from tests.support.recorded_venues import restore
from tests.support.venues.binance import FakeBinance

LEFT = Recording(FIXTURES / "release_0_1_0" / "state_dir")
BINANCE = "binance-spot-v1"
SOON = timedelta(seconds=30)


@dataclass
class GoingOn:
    """A run in the recorded folder, a minute or less after it was left, and its venue."""

    run: LocalRun
    venue: FakeBinance
    token: str


@pytest.fixture(scope="module")
def going_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoingOn]:
    folder = tmp_path_factory.mktemp("state_dir")
    state, clock = folder / "state", shifted_clock(folder / "clock", LEFT.at + SOON)
    unpack(LEFT.folder / "state_dir.tar.xz", state)
    with FakeBinance() as venue:
        restore(venue.exchange, LEFT.answers["venue"])
        lead(state, BINANCE, venue.url)
        with local_run(state, PYTHONPATH=clock, PARAMETERS="LiveTrading=true") as run:
            yield GoingOn(run, venue, run.login())


def test_its_users_log_in(going_on: GoingOn) -> None:
    assert going_on.run.description["users"] == LEFT.answers["users"]
    for user in LEFT.answers["users"]:
        body = {"email": user["email"], "password": user["password"]}
        assert going_on.run.call("POST", f"{BASE}/auth/login", body).status == 200
    refresh = {"refresh_token": LEFT.answers["refresh_token"]}
    assert going_on.run.call("POST", f"{BASE}/auth/refresh", refresh).status == 200


@pytest.mark.parametrize("asked", ["questions", "repeats"])
def test_it_answers_as_it_did(going_on: GoingOn, asked: str) -> None:
    assert unequal(going_on.run, going_on.token, LEFT.answers[asked]) == []


def test_only_additions_to_the_list_of_definitions_are_ignored() -> None:
    path = f"{BASE}/wallets/definitions"
    (before,) = (item["answer"] for item in LEFT.answers["questions"] if item["request"]["path"] == path)
    items = before["body"]["items"]

    def compare(*now: Document) -> list[str]:
        return changes(path, before, {**before, "body": {**before["body"], "items": list(now)}})

    added, changed = {**items[0], "slug": "added-v1"}, {**items[0], "is_active": not items[0]["is_active"]}
    assert compare(added, *items, added) == []
    assert compare(*items[1:], added)[0] == f"{path}.body.items has {len(items) - 1} items instead of {len(items)}"
    assert compare(changed, *items[1:]) != []
    assert compare(*items[1:], items[0]) != []


def test_its_journals_are_decided_again(going_on: GoingOn, run: Run) -> None:
    found = run(replays(going_on.run, LEFT.answers["paper"], LEFT.at))
    assert {wallet: replay["difference"] for wallet, replay in found.items()} == dict.fromkeys(LEFT.answers["paper"])
    assert sum(replay["fills"] for replay in found.values()) >= 4


def test_its_credentials_open_and_its_order_is_at_the_venue(going_on: GoingOn) -> None:
    path = f"{BASE}/wallets/{LEFT.answers['live']}"
    tested = ask(going_on.run, going_on.token, {"method": "POST", "path": f"{path}/test-connection"})
    assert (tested["status"], tested["body"]["success"]) == (200, True)
    cancelled = ask(going_on.run, going_on.token, {"method": "DELETE", "path": f"{path}/orders/o-2-1"})
    assert (cancelled["status"], cancelled["body"]["status"]) == (200, "cancelled")
    (account,) = going_on.venue.exchange.accounts.values()
    assert sorted(order.status for order in account.orders.values()) == ["cancelled", "filled"]


def test_the_archive_holds_nothing_that_a_run_makes_anew(tmp_path: Path) -> None:
    unpack(LEFT.folder / "state_dir.tar.xz", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"identity.json", "secrets.json", "mongodb"}
