"""A wallet is recomputed from its journal alone, and any change to the journal is detected and named."""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import cli, event_loop
from moniqo_core.domain.money import exact, plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import account_lifecycle
from moniqo_core.storage.client import connect
from moniqo_core.storage.document import Document
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES
from moniqo_core.storage.simulation_seed import DEPLOYMENT, find_simulation_seed
from moniqo_core.wallets.demo.replay import Replay, WalletReplay
from tests.conftest import Database, Run
from tests.support.mongo import patient_client
from tests.support.random_life import BEGAN, STOCKS, TERMS, Life

STEPS = 120
SEED = 14
BTC = "BTC/USDT"


@dataclass
class Stored:
    """Everything stored of one wallet whose journal has every kind of entry."""

    life: Life
    entries: list[Document]
    snapshot: Document
    deployment: Document


@pytest.fixture(scope="module")
def lived(mongo_url: str) -> Stored:
    async def live() -> Stored:
        db = connect(mongo_url, f"test_{uuid.uuid4().hex}")
        await ensure_indexes(db, (STATES, ENTRIES))
        # A market everybody knows: the chances of the test are then the same in every run.
        await db[DEPLOYMENT].insert_one({"_id": "simulation", "seed": "a seed of the tests"})
        life = Life(db, "lived", SEED)
        await life.open()
        await life.run_steps(STEPS)
        entries = await db[ENTRIES].find({}).sort("seq", 1).to_list()
        snapshot, deployment = await db[STATES].find_one({}), await db[DEPLOYMENT].find_one({})
        await _drop(mongo_url, db)
        assert snapshot is not None
        assert deployment is not None
        return Stored(life, entries, snapshot, deployment)

    return event_loop.run(live())


@pytest.fixture
def database(mongo_url: str) -> Iterator[Database]:
    """An empty database that needs no index: there is one wallet in it."""
    db = connect(mongo_url, f"test_{uuid.uuid4().hex}")
    yield db
    event_loop.run(_drop(mongo_url, db))


async def _drop(url: str, db: Database) -> None:
    try:
        await patient_client(url).drop_database(db.name)
    finally:
        await db.client.close()


@pytest.fixture
def stored(lived: Stored) -> Stored:
    """A copy of the stored wallet that a test may change."""
    return Stored(lived.life, copy.deepcopy(lived.entries), copy.deepcopy(lived.snapshot), lived.deployment)


async def keep(db: Database, stored: Stored) -> None:
    await db[ENTRIES].insert_many(stored.entries)
    await db[STATES].insert_one(stored.snapshot)
    await db[DEPLOYMENT].insert_one(stored.deployment)


async def replayed(db: Database, wallet: str = "lived") -> Replay:
    seed = await find_simulation_seed(db)
    assert seed is not None
    found = await WalletReplay(db, seed).run(wallet)
    assert found is not None
    return found


def test_wallet_with_every_kind_of_entry_is_recomputed(database: Database, stored: Stored, run: Run) -> None:
    done = stored.life.done
    assert set(OrderType) <= set(done)
    others = {
        "CancelOrder",
        "CancelAllOrders",
        "ReplaceOrder",
        "ClosePosition",
        "SetLimits",
        "SetStatus",
        "ResetAccount",
    }
    assert others <= set(done)
    run(keep(database, stored))
    found = run(replayed(database))
    assert found.difference is None
    assert found.entries == len(stored.entries) == stored.snapshot["seq"]
    assert found.epochs == 1 + done["ResetAccount"]
    assert found.orders >= sum(done[kind] for kind in OrderType)
    assert found.fills == sum(len(entry.get("fills", ())) for entry in stored.entries)
    assert found.postings["USDT"] > found.postings["BTC"] > 0


def _entry(stored: Stored, wanted: Callable[[Document], Any]) -> Document:
    return next(entry for entry in stored.entries if wanted(entry))


def _of_posting(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry.get("fills"))
    entry["postings"][0][2] = plain(Decimal(entry["postings"][0][2]) + Decimal("0.00000001"))
    return entry


def _of_fill_price(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry.get("fills"))
    level = entry["fills"][0]["levels"][0]
    level[0] = plain(Decimal(level[0]) - 1)
    return entry


def _of_resting_fill(stored: Stored) -> Document:
    """A fill on the price path, which has no stored market context."""
    entry = _entry(stored, lambda entry: entry["kind"] == "mark" and entry.get("fills"))
    del entry["fills"][0]
    return entry


def _of_order(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry.get("fills") and entry["orders"][0]["status"] == "filled")
    entry["orders"][0]["status"] = "open"
    return entry


def _of_changes(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry.get("fills"))
    change = next(change for change in entry["changes"] if change[0] == "balances.USDT")
    change[1] = [plain(Decimal(change[1][0]) + 1), change[1][1]]
    return entry


def _of_command(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry["kind"] == "place" and entry["command"]["amount"])
    entry["command"]["amount"] = plain(Decimal(entry["command"]["amount"]) * 2)
    return entry


def _of_price_seen(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: "basis" in entry)
    entry["basis"]["asks"][0][0] = plain(Decimal(entry["basis"]["asks"][0][0]) - 1)
    return entry


def _of_how_far(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry["kind"] == "mark" and entry.get("fills"))
    entry["walked_to"] = _entry(stored, lambda other: other["seq"] == entry["seq"] - 1)["walked_to"]
    return entry


def _of_rules(stored: Stored) -> Document:
    entry = stored.entries[5]
    entry["rules_version"] = 99
    return entry


def _of_client_id(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: "client_order_id" in entry)
    entry["client_order_id"] += "x"
    return entry


def _of_opening(stored: Stored) -> Document:
    entry = stored.entries[0]
    entry["account"]["balances"]["USDT"] = ["100001", "0"]
    return entry


def _of_fees(stored: Stored) -> Document:
    """The terms are trusted, but fees are recomputed from them."""
    stored.entries[0]["account"]["terms"]["taker_fee_percent"] = "0"
    return _entry(stored, lambda entry: entry["kind"] in {"place", "reset"})


def _of_reset(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry["kind"] == "reset")
    entry["account"]["peak"] = "1"
    return entry


def _nonsense(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: entry["kind"] == "place")
    del entry["command"]["side"]
    return entry


def _nameless(stored: Stored) -> Document:
    del stored.entries[4]["commit_id"]
    return stored.entries[4]


def _no_changes(stored: Stored) -> Document:
    entry = _entry(stored, lambda entry: "changes" in entry)
    entry["changes"] = [1, 2]
    return entry


SPOILT = [
    (_of_posting, r"postings\[0\]\[2\]"),
    (_of_fill_price, r"fills\[0\]\.levels\[0\]\[0\]"),
    (_of_resting_fill, r"fills(\[\d\])?(\.\w+)?"),
    (_of_order, r"orders\[0\]\.status"),
    (_of_changes, r"changes\.balances\.USDT\[0\]"),
    (_of_command, r"postings.*|decision|order.*|changes.*"),
    (_of_price_seen, r"basis\.asks\[0\]\[0\]"),
    (_of_how_far, r"postings.*|changes.*"),
    (_of_rules, "rules_version"),
    (_of_client_id, "client_order_id"),
    (_of_opening, r"account\.balances\.USDT\[0\]"),
    (_of_fees, r"postings.*|orders.*|changes.*|account\.terms\.taker_fee_percent"),
    (_of_reset, r"account\.peak"),
    (_nonsense, "entry"),
    (_nameless, "entry"),
    (_no_changes, "entry"),
]


@pytest.mark.parametrize(("spoil", "field"), SPOILT, ids=[spoil.__name__.strip("_") for spoil, _ in SPOILT])
def test_changed_entry_is_detected(
    database: Database, stored: Stored, run: Run, spoil: Callable[[Stored], Document], field: str
) -> None:
    entry = spoil(stored)
    run(keep(database, stored))
    found = run(replayed(database)).difference
    assert found is not None
    assert found.seq == entry["seq"]
    assert found.stored != found.recomputed
    assert re.fullmatch(field, found.field), found


@pytest.mark.parametrize("at", [0, 9, -1], ids=["first", "middle", "last"])
def test_missing_entry_is_detected(database: Database, stored: Stored, run: Run, at: int) -> None:
    gone = stored.entries.pop(at)
    run(keep(database, stored))
    found = run(replayed(database)).difference
    assert found is not None
    assert found.seq == gone["seq"]
    assert found.field == ("snapshot.seq" if at == -1 else "seq")


def test_added_entry_is_detected(database: Database, stored: Stored, run: Run) -> None:
    more = copy.deepcopy(next(entry for entry in stored.entries if entry.get("fills")))
    more["seq"] = len(stored.entries) + 1
    more["_id"] = f"lived:{more['seq']:012d}"
    more.pop("client_order_id", None)
    stored.entries.append(more)
    run(keep(database, stored))
    found = run(replayed(database)).difference
    assert found is not None
    assert found.seq == more["seq"]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("balances.USDT", ["1000000", "0"], "snapshot.balances.USDT[0]"),
        ("status", "suspended", "snapshot.status"),
        ("next_entry", "lived:000000009999", "snapshot.next_entry"),
        ("orders.o-1-1", {"order_id": "o-1-1"}, "snapshot.orders.o-1-1"),
        ("user_id", "somebody else", "snapshot.user_id"),
        ("interest", {}, "snapshot.interest.ETH/USDT"),
    ],
)
def test_changed_snapshot_is_detected(
    database: Database, stored: Stored, run: Run, path: str, value: object, field: str
) -> None:
    async def work() -> None:
        await keep(database, stored)
        await database[STATES].update_one({"_id": "lived"}, {"$set": {path: value}})
        found = (await replayed(database)).difference
        assert found is not None
        assert (found.seq, found.field) == (stored.snapshot["seq"], field)

    run(work())


def test_writer_turn_is_not_compared(database: Database, stored: Stored, run: Run) -> None:
    stored.snapshot["turn"] = ["somebody", stored.life.now]
    run(keep(database, stored))
    assert run(replayed(database)).difference is None


def test_outdated_snapshot_is_accepted_and_checked(database: Database, stored: Stored, run: Run) -> None:
    """A server that crashes during a commit leaves the entry without its snapshot."""

    async def work() -> None:
        await keep(database, stored)
        seq = stored.snapshot["seq"] - 3
        before = await DemoHistory(database).account_at("lived", seq)
        assert before is not None
        await database[STATES].replace_one({"_id": "lived"}, state_document(before))
        assert (await replayed(database)).difference is None
        await database[STATES].update_one({"_id": "lived"}, {"$set": {"peak": "1"}})
        found = (await replayed(database)).difference
        assert found is not None
        assert (found.seq, found.field) == (seq, "snapshot.peak")

    run(work())


def test_fork_is_recomputed_from_its_source(database: Database, stored: Stored, run: Run) -> None:
    async def work() -> None:
        await keep(database, stored)
        seq = next(entry["seq"] for entry in reversed(stored.entries) if entry.get("fills"))
        source = await DemoHistory(database).account_at("lived", seq)
        assert source is not None
        marks = await stored.life.wallet.feed.mids(list(source.positions))
        commit = account_lifecycle.fork_account("fork", source, TERMS, stored.life.now, marks)
        await DemoJournal(database).open(commit, None)
        assert (await replayed(database, "fork")).difference is None
        spoilt = {"$set": {"account.forked_from": "lived:1", "command.forked_from": "lived:1"}}
        await database[ENTRIES].update_one({"_id": f"fork:{1:012d}"}, spoilt)
        assert (await replayed(database, "fork")).difference is not None

    run(work())


def test_quote_amount_just_below_one_lot_of_the_next_level_is_recomputed(database: Database, run: Run) -> None:
    """The stored order book must be deep enough to show again that the next level is too expensive."""

    async def work() -> None:
        await ensure_indexes(database, (STATES, ENTRIES))
        life = Life(database, "w", SEED)
        await life.open()
        market, snapshot = await life.wallet.feed.market(BTC), await life.wallet.feed.snapshot(BTC)
        with exact():
            best, following = snapshot.asks[:2]
            cost = best.price * best.amount + following.price * market.lot_step
            enough = (cost * Decimal("1.001")).quantize(Decimal("0.00000001")) - Decimal("0.000001")
        order = await life.wallet.orders.submit(OrderRequest(BTC, OrderSide.BUY, OrderType.MARKET, quote_amount=enough))
        assert order.filled_amount == best.amount
        assert (await replayed(database, "w")).difference is None

    run(work())


def test_stock_wallet_is_recomputed_across_closed_sessions(database: Database, run: Run) -> None:
    async def work() -> None:
        life = Life(database, "stocks", SEED, STOCKS)
        await life.open()
        await life.run_steps(STEPS)
        found = await replayed(database, "stocks")
        assert found.difference is None
        assert found.fills
        assert life.now.date() != BEGAN.date()

    run(work())


def test_replay_and_verify_commands_print_results_and_exit_codes(
    database: Database, stored: Stored, run: Run, mongo_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(keep(database, stored))
    where = ["--mongodb-url", mongo_url, "--mongodb-database", database.name]
    assert cli.main(["replay", "lived", *where]) == 0
    shown = capsys.readouterr().out
    assert "agree" in shown
    assert f"entries        {len(stored.entries)}\n" in shown
    assert cli.main(["verify", "--all", *where]) == 0
    assert f"1 wallet, {len(stored.entries)} entries: none differ" in capsys.readouterr().out
    run(_spoil_and_orphan(database))
    assert cli.main(["replay", "lived", *where]) == 1
    assert "snapshot.peak" in capsys.readouterr().out
    assert cli.main(["verify", "--all", *where]) == 1
    shown = capsys.readouterr().out
    assert "lived: entry" in shown
    assert "orphan: entry 1, seq: stored 7, recomputed 1" in shown
    assert cli.main(["replay", "nobody", *where]) == 2
    assert cli.main(["replay", "lived", "--mongodb-url", mongo_url, "--mongodb-database", "empty"]) == 2
    assert cli.main(["replay", "lived", "--mongodb-url", "nonsense"]) == 2


async def _spoil_and_orphan(db: Database) -> None:
    await db[STATES].update_one({"_id": "lived"}, {"$set": {"peak": "1"}})
    await db[ENTRIES].insert_one({"_id": "orphan:7", "user_wallet_id": "orphan", "seq": 7})
