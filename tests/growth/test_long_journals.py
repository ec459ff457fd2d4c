"""The long journals of the benchmarks are what the engine writes, and the service shows their wallets."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accounts import OWNER
from benchmarks.journal_life import SEED
from benchmarks.journals import Journal, journal, load
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.conftest import Database, Run
from tests.support.lambdas import Invoke, User

ENTRIES = 120


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    return journal(ENTRIES, tmp_path_factory.mktemp("journals"))


def test_the_engine_decides_every_entry_again(short: Journal, database: Database, run: Run) -> None:
    wallet = run(load(database, short))

    replay = run(WalletReplay(database, SEED).run(wallet))

    assert replay is not None
    assert replay.difference is None
    assert replay.entries == ENTRIES
    assert replay.fills > ENTRIES / 3


@pytest.mark.usefixtures("definitions")
def test_the_wallet_of_a_journal_can_trade(short: Journal, database: Database, run: Run, invoke: Invoke) -> None:
    wallet = run(load(database, short))

    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    placed = invoke("place_order", "POST", f"/wallets/{wallet}/orders", user=User(OWNER), body=order)

    assert placed.status == 201, placed.text
    assert placed.json["order_id"] == f"o-{ENTRIES + 1}-1"


def test_a_journal_is_made_once(tmp_path: Path) -> None:
    first = journal(20, tmp_path)
    made = {file: file.stat().st_mtime_ns for file in first.folder.iterdir()}

    assert journal(20, tmp_path) == first
    assert {file: file.stat().st_mtime_ns for file in first.folder.iterdir()} == made
