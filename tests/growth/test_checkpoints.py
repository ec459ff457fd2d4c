"""Every 500th entry of a journal has a checkpoint. Readers of an earlier account begin there, and replays check it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.checkpoints import Checkpoints
from moniqo_core.storage.paper.entry_codec import apply_entry
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES, STATES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.demo.replay import Difference, WalletReplay
from tests.conftest import Database, Run
from tests.support.documents_read import documents_read
from tests.support.engine import Clock, Engine, clock, engine
from tests.support.long_journal import checkpoints, lengthen

__all__ = ["clock", "engine"]

pytestmark = pytest.mark.usefixtures("seeded")


def long_wallet(engine: Engine, run: Run, database: Database, clock: Clock, entries: int) -> str:
    wallet = engine.create()
    run(lengthen(database, wallet, entries, clock))
    return wallet


async def folded(database: Database, wallet: str) -> dict[int, Any]:
    """Apply every entry from the first one on. Return the balances after each."""
    state: dict[str, Any] = {}
    found = {}
    async for entry in database[ENTRIES].find({"user_wallet_id": wallet}).sort("seq", 1):
        apply_entry(state, entry)
        found[entry["seq"]] = deepcopy(state["balances"])
    return found


async def replayed(database: Database, wallet: str) -> Difference | None:
    found = await WalletReplay(database, await simulation_seed(database)).run(wallet)
    assert found is not None
    return found.difference


def test_fork_at_an_old_entry_reads_at_most_500_documents(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = long_wallet(engine, run, database, clock, 1_205)
    assert run(Checkpoints(database).complete(wallet, 1_205))
    last = {}
    # The entry of the checkpoint is looked up twice: before missing checkpoints are written, and by the read.
    for seq, entries in ((499, 499), (500, 2), (999, 501), (1_204, 206)):
        with documents_read() as read:
            answer = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": seq})
        assert answer.status == 201, answer.text
        # The newest entries are not read. The account as it is now comes from its snapshot.
        assert read[ENTRIES] == entries, (seq, read)
        assert read[CHECKPOINTS] <= 2
        last[seq] = answer.json["id"]
    engine.replay(*last.values())
    with documents_read() as read:
        missing = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 1_206})
    assert read[ENTRIES] == 0
    assert (missing.status, missing.json["errors"][0]["field"]) == (422, "seq")


def test_earlier_accounts_are_the_same_with_checkpoints(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = long_wallet(engine, run, database, clock, 1_002)
    history = DemoHistory(database)

    async def earlier() -> dict[int, Any]:
        numbers = (1, 2, 499, 500, 501, 700, 701, 702, 999, 1_000, 1_001, 1_002)
        found = {seq: await history.account_at(wallet, seq) for seq in numbers}
        return {seq: state_document(account) for seq, account in found.items() if account is not None}

    without = run(earlier())
    assert run(Checkpoints(database).complete(wallet, 1_002))
    there = checkpoints(database, run, wallet)

    assert len(without) == 12
    assert list(there) == [500, 1_000]
    assert run(earlier()) == without
    balances = run(folded(database, wallet))
    for seq, state in without.items():
        assert state["balances"] == balances[seq]
    assert there[500]["account"] == without[500]


def test_commit_of_a_500th_entry_writes_its_checkpoint(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = long_wallet(engine, run, database, clock, 498)
    engine.place(wallet, amount="0.001")
    assert checkpoints(database, run, wallet) == {}
    engine.place(wallet, amount="0.001", type="limit", price="10000")
    written = checkpoints(database, run, wallet)
    engine.place(wallet, amount="0.001")

    assert list(written) == [500]
    assert checkpoints(database, run, wallet) == written
    run(database[CHECKPOINTS].delete_many({}))
    assert run(Checkpoints(database).complete(wallet, 500))
    assert checkpoints(database, run, wallet) == written
    engine.replay(wallet)


def test_fork_writes_the_checkpoints_that_the_release_before_left_out(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = long_wallet(engine, run, database, clock, 520)
    engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 503})
    assert list(checkpoints(database, run, wallet)) == [500]
    with documents_read() as read:
        engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 503})
    assert read[ENTRIES] == 5


def test_replay_checks_checkpoints_and_writes_none(engine: Engine, clock: Clock, database: Database, run: Run) -> None:
    wallet = long_wallet(engine, run, database, clock, 501)
    assert run(replayed(database, wallet)) is None
    assert checkpoints(database, run, wallet) == {}
    assert run(Checkpoints(database).complete(wallet, 501))
    assert run(replayed(database, wallet)) is None
    spoilt = {"$set": {"account.balances.USDT": ["1", "0"]}}
    run(database[CHECKPOINTS].update_one({"seq": 500}, spoilt))

    found = run(replayed(database, wallet))

    assert found is not None
    assert (found.seq, found.field, found.stored) == (500, "checkpoint.balances.USDT[0]", "1")


def test_snapshot_that_is_far_behind_goes_on_from_the_newest_checkpoint(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = engine.create()
    [first] = run(database[STATES].find({"_id": wallet}).to_list())
    run(lengthen(database, wallet, 1_010, clock))
    assert run(Checkpoints(database).complete(wallet, 1_010))
    newest = run(DemoJournal(database).load_many([wallet]))[wallet]
    run(database[STATES].replace_one({"_id": wallet}, first))
    left_over = checkpoints(database, run, wallet)[1_000]
    left_over |= {"_id": entry_id(wallet, 1_500), "account": {**left_over["account"], "seq": 1_500}, "seq": 1_500}
    run(database[CHECKPOINTS].insert_one(left_over))

    with documents_read() as read:
        found = run(DemoJournal(database).load_many([wallet]))[wallet]

    assert found.account == newest.account
    assert found.behind
    assert (read[ENTRIES], read[CHECKPOINTS]) == (511, 2)
    assert list(checkpoints(database, run, wallet)) == [500, 1_000]


def test_checkpoints_of_another_journal_are_not_used(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    """A backup of the journal was restored, and checkpoints of later entries stayed. Other entries came since."""
    wallet = long_wallet(engine, run, database, clock, 300)
    restored = run(database[STATES].find({"_id": wallet}).to_list())[0]
    run(lengthen(database, wallet, 1_510, clock))
    assert run(Checkpoints(database).complete(wallet, 1_510))
    run(database[ENTRIES].delete_many({"user_wallet_id": wallet, "seq": {"$gt": 300}}))
    run(database[STATES].replace_one({"_id": wallet}, restored))
    clock.forward(hours=30)
    run(lengthen(database, wallet, 1_010, clock))

    engine.replay(engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 1_005}).json["id"])
    balances = run(folded(database, wallet))
    for seq in (500, 700, 1_000, 1_003):
        account = run(DemoHistory(database).account_at(wallet, seq))
        assert account is not None
        assert state_document(account)["balances"] == balances[seq], seq
    engine.replay(wallet)
