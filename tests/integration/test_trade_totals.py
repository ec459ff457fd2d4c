"""Performance is read from totals of the fills, and from the entries since."""

from __future__ import annotations

import asyncio
import copy
import uuid
from datetime import UTC, timedelta
from decimal import localcontext

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.ledger.commands import CancelAllOrders, ResetAccount
from moniqo_core.domain.money import EXACT
from moniqo_core.domain.portfolio.equity_curve import DAY, HOUR
from moniqo_core.domain.portfolio.trade_totals import TradeTotals
from moniqo_core.migrations import trade_totals
from moniqo_core.storage import equity_points
from moniqo_core.storage.client import connect
from moniqo_core.storage.document import Document
from moniqo_core.storage.equity_points import COLLECTION as EQUITY
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper import journal_commit, long_journals
from moniqo_core.storage.paper.account_codec import read_account
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES
from moniqo_core.storage.paper.totals import equity_figures, journal_totals
from moniqo_core.storage.paper.totals.entry_totals import totals_after_entry
from moniqo_core.storage.paper.totals.equity_figures import EQUITY_FIGURES
from moniqo_core.storage.paper.totals.journal_totals import TOTALS, JournalTotals
from moniqo_core.storage.simulation_seed import DEPLOYMENT, find_simulation_seed
from moniqo_core.wallets.demo.replay import Replay, WalletReplay
from tests.conftest import Database, Run
from tests.support.documents_read import documents_read
from tests.support.naive_performance import naive_equity, naive_figures
from tests.support.random_life import Life

WALLET = "lived"
SEED = 14


@pytest.fixture(scope="module")
def lived(mongo_url: str) -> dict[str, list[Document]]:
    """What is stored of a wallet that has traded for a while."""

    async def live() -> dict[str, list[Document]]:
        db = connect(mongo_url, f"test_{uuid.uuid4().hex}")
        await ensure_indexes(db, (STATES, ENTRIES))
        # In a market that is drawn anew, this life may end with a reset, without totals to change.
        await db[DEPLOYMENT].insert_one({"_id": "simulation", "seed": "5e" * 32})
        life = Life(db, WALLET, SEED)
        await life.open()
        await life.run_steps(70)
        stored = {name: await db[name].find().to_list() for name in (ENTRIES, STATES, EQUITY, DEPLOYMENT)}
        await db.client.drop_database(db.name)
        await db.client.close()
        return stored

    return event_loop.run(live())


@pytest.fixture
def life(lived: dict[str, list[Document]], database: Database, run: Run, monkeypatch: pytest.MonkeyPatch) -> Life:
    """The wallet, stored in the database of this test.

    Its points of equity need not age to be in stored figures. The server does not delete them during a test, although
    this life is long past.
    """
    monkeypatch.setattr(equity_figures, "SETTLED_AFTER", timedelta(minutes=-1))
    monkeypatch.setattr(equity_points, "HOURLY_POINTS_KEPT", equity_points.DAILY_POINTS_KEPT)

    async def go_on() -> Life:
        for name, documents in lived.items():
            stored = copy.deepcopy(documents)
            for point in stored if name == EQUITY else ():
                point["expires_at"] += equity_points.DAILY_POINTS_KEPT
            await database[name].insert_many(stored)
        life = Life(database, WALLET, SEED + 1)
        life.now = lived[STATES][0]["at"].replace(tzinfo=UTC)
        await life.wallet.initialize()
        life.session = await life.open_session()
        await life.wallet.past.performance()  # from now on, the wallet reads its account at each call
        await JournalTotals(database).bring_forward(WALLET, await last_seq(database))
        return life

    return run(go_on())


async def entries_of(database: Database) -> list[Document]:
    return await database[ENTRIES].find({"user_wallet_id": WALLET}).sort("seq", 1).to_list()


async def totals_of(database: Database) -> Document | None:
    return await database[TOTALS].find_one({"_id": WALLET})


async def last_seq(database: Database) -> int:
    return int((await entries_of(database))[-1]["seq"])


async def replayed(life: Life, database: Database) -> Replay:
    seed = await find_simulation_seed(database)
    assert seed is not None
    found = await WalletReplay(database, seed, lambda: life.now).run(WALLET)
    assert found is not None
    return found


async def assert_figures_of_the_whole_journal(life: Life, database: Database, *, replays: bool = True) -> None:
    """Assert that performance agrees with the fills of all entries, and the journal with its replay."""
    found = await life.wallet.past.performance()
    entries = await entries_of(database)
    (begin, *_), epoch = _epoch(entries), _epoch(entries)
    fills = [read_fill(item) for entry in epoch for item in entry.get("fills", ())]
    account = read_account(begin["account"])
    held = {symbol: position.amount for symbol, position in account.positions.items()}
    with localcontext(EXACT):
        whole, by_symbol = naive_figures(fills, held, account.at)
    assert (found.start.at, found.start.equity) == (account.at, account.peak)
    assert (found.fees, found.volume, found.figures) == (whole.fees, whole.bought + whole.sold, whole.figures)
    traded = {item.symbol: item for item in found.symbols if item.symbol in by_symbol}
    assert traded.keys() == by_symbol.keys()
    for symbol, own in by_symbol.items():
        shown = traded[symbol]
        assert (shown.fees, shown.volume, shown.figures) == (own.fees, own.bought + own.sold, own.figures)
    hours = [
        point for point in await life.wallet.past.equity(account.at, life.now, HOUR) if point.epoch == begin["epoch"]
    ]
    curve = naive_equity(found.start, hours, found.equity, life.now)
    assert (found.max_drawdown, found.max_drawdown_percent) == (curve.max_drawdown, curve.max_drawdown_percent)
    assert found.sharpe_ratio == curve.sharpe_ratio
    if replays:
        assert (await replayed(life, database)).difference is None


def _epoch(entries: list[Document]) -> list[Document]:
    return [entry for entry in entries if entry["epoch"] == entries[-1]["epoch"]]


def test_totals_of_a_random_life_equal_those_of_its_journal(life: Life, database: Database, run: Run) -> None:
    async def work() -> None:
        await assert_figures_of_the_whole_journal(life, database)
        await life.session.run(ResetAccount())
        await assert_figures_of_the_whole_journal(life, database)
        await life.run_steps(8)
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_reader_stores_many_missing_totals_and_reads_on_from_them(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_totals, "WORTH_STORING", 30)

    async def work() -> None:
        await database[TOTALS].delete_many({})
        await life.wallet.past.performance()
        last = await last_seq(database)
        stored = await totals_of(database)
        assert stored is not None
        assert (stored["seq"], stored["commit_id"]) == (last, (await entries_of(database))[-1]["commit_id"])
        await life.run_steps(3)
        with documents_read() as read:
            await life.wallet.past.performance()
        assert 0 < read[ENTRIES] <= await last_seq(database) - last + 1
        assert await totals_of(database) == stored
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_reader_of_a_long_journal_goes_on_where_an_earlier_one_ran_out_of_time(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_totals, "MOST_AT_ONCE", 20)

    def add_up_to_entry_30(before: TradeTotals | None, entry: Document) -> TradeTotals:
        if entry["seq"] > 30:
            raise StoppedError
        return totals_after_entry(before, entry)

    async def work() -> None:
        await database[TOTALS].delete_many({})
        with monkeypatch.context() as patch:
            patch.setattr(journal_totals, "totals_after_entry", add_up_to_entry_30)
            with pytest.raises(StoppedError):
                await life.wallet.past.performance()
        stored = await totals_of(database)
        assert stored is not None
        assert stored["seq"] == 20
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_commit_with_a_checkpoint_brings_totals_forward(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_commit, "ENTRIES_PER_CHECKPOINT", 5)

    async def work() -> None:
        for _ in range(2):
            await database[TOTALS].delete_many({})
            while await totals_of(database) is None:
                await life.run_steps(1)
            stored = await totals_of(database)
            assert stored is not None
            assert stored["seq"] % 5 == 0
            await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_commit_with_a_checkpoint_brings_figures_of_equity_forward(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_commit, "ENTRIES_PER_CHECKPOINT", 1)

    async def work() -> None:
        for _ in range(3):
            await life.session.run(CancelAllOrders())
            life.now += DAY
            kept = await database[EQUITY_FIGURES].find_one({"_id": WALLET})
            assert kept is not None
            assert life.now - 3 * DAY < kept["at"].replace(tzinfo=UTC) < life.now
            await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_commit_stands_if_totals_cannot_be_computed(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_commit, "ENTRIES_PER_CHECKPOINT", 1)

    async def work() -> None:
        before, last = await totals_of(database), await last_seq(database)
        await database[TOTALS].update_one({"_id": WALLET}, {"$set": {"equity": "?"}})
        await life.session.run(ResetAccount())
        assert await last_seq(database) == last + 1
        stored = await totals_of(database)
        assert before is not None
        assert stored == {**before, "equity": "?"}

    run(work())


def test_totals_of_another_journal_are_not_used(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of the journal was restored, and the totals were not. Other entries have their numbers since."""
    monkeypatch.setattr(journal_totals, "WORTH_STORING", 10)

    async def work() -> None:
        for seq in (20, 10_000):
            wrong: Document = {"seq": seq, "commit_id": "of another entry", "symbols": {}}
            await database[TOTALS].update_one({"_id": WALLET}, {"$set": wrong})
            await assert_figures_of_the_whole_journal(life, database, replays=False)
            stored = await totals_of(database)
            assert stored is not None
            assert stored["seq"] == await last_seq(database)

    run(work())


@pytest.mark.parametrize("seq", [10, 30, 10_000])
def test_totals_of_another_journal_are_replaced_in_parts_that_are_stored(
    seq: int, life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_totals, "MOST_AT_ONCE", 20)
    added: list[int] = []

    def add_up_to_entry_30(before: TradeTotals | None, entry: Document) -> TradeTotals:
        if entry["seq"] > 30:
            raise StoppedError
        return totals_after_entry(before, entry)

    def add(before: TradeTotals | None, entry: Document) -> TradeTotals:
        added.append(entry["seq"])
        return totals_after_entry(before, entry)

    async def work() -> None:
        wrong: Document = {"seq": seq, "commit_id": "of another entry", "symbols": {}}
        await database[TOTALS].update_one({"_id": WALLET}, {"$set": wrong})
        with monkeypatch.context() as patch:
            patch.setattr(journal_totals, "totals_after_entry", add_up_to_entry_30)
            with pytest.raises(StoppedError):
                await life.wallet.past.performance()
        stored = await totals_of(database)
        assert stored is not None
        assert (stored["seq"], stored["commit_id"]) == (20, (await entries_of(database))[19]["commit_id"])

        with monkeypatch.context() as patch:
            patch.setattr(journal_totals, "totals_after_entry", add)
            await life.wallet.past.performance()
        assert added == list(range(21, await last_seq(database) + 1))
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_commit_adds_few_entries_after_totals_of_another_journal(life: Life, database: Database, run: Run) -> None:
    async def work() -> None:
        last = await last_seq(database)
        for seq in (20, last, 10_000):
            wrong: Document = {"seq": seq, "commit_id": "of another entry", "symbols": {}}
            await database[TOTALS].update_one({"_id": WALLET}, {"$set": wrong})
            with documents_read() as read:
                assert await JournalTotals(database).bring_forward(WALLET, last, 15) == 15
            assert 15 <= read[ENTRIES] <= 31
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_reader_of_an_earlier_account_leaves_later_totals(life: Life, database: Database, run: Run) -> None:
    async def work() -> None:
        stored, last = await totals_of(database), await last_seq(database)
        totals = JournalTotals(database)
        assert (await totals.as_of(WALLET, last - 5)).seq == last - 5
        assert await totals.bring_forward(WALLET, last - 5) == last
        assert await totals_of(database) == stored
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_entry_that_the_journal_does_not_have_is_refused(life: Life, database: Database, run: Run) -> None:
    async def work() -> None:
        stored, beyond = await totals_of(database), await last_seq(database) + 3
        totals = JournalTotals(database)
        for refused in (totals.as_of, totals.bring_forward):
            with pytest.raises(LookupError, match=f"has no entry {beyond}"):
                await refused(WALLET, beyond)
        assert await totals_of(database) == stored
        with pytest.raises(LookupError, match="has no entry 5"):
            await totals.bring_forward("unknown", 5)

    run(work())


@pytest.mark.parametrize(
    ("path", "value"), [("seq", 9999), ("commit_id", "another"), ("equity", "1"), ("symbols.BTC/USDT.gains", "12345")]
)
def test_replay_detects_changed_totals(life: Life, database: Database, run: Run, path: str, value: object) -> None:
    async def work() -> None:
        await database[TOTALS].update_one({"_id": WALLET}, {"$set": {path: value}})
        difference = (await replayed(life, database)).difference
        assert difference is not None
        assert (difference.seq, difference.field) == (await last_seq(database), f"totals.{path}")

    run(work())


def test_processes_that_store_at_once_agree(life: Life, database: Database, run: Run) -> None:
    async def work() -> None:
        await database[TOTALS].delete_many({})
        last = await last_seq(database)
        totals = JournalTotals(database)
        await asyncio.gather(*(totals.bring_forward(WALLET, last, most) for most in (20, 1_000, 40)))
        assert await totals.bring_forward(WALLET, last) == last
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


class StoppedError(Exception):
    """What a test stops a migration with."""


def test_migration_goes_on_where_it_stopped_beside_a_writer(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_journals, "ENTRIES_PER_CHECKPOINT", 30)
    monkeypatch.setattr(trade_totals, "ENTRIES_AT_ONCE", 20)
    told: list[str] = []

    def stop_at_the_second(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            raise StoppedError

    async def work() -> None:
        last = await last_seq(database)
        await database[TOTALS].delete_many({})
        with pytest.raises(StoppedError):
            await trade_totals.complete_totals(database, stop_at_the_second)
        assert told == [f"journal 1: totals of {done} of {last} entries are stored" for done in (20, 40)]
        stored = await totals_of(database)
        assert stored is not None
        assert stored["seq"] == 40
        results = await asyncio.gather(
            trade_totals.complete_totals(database, told.append),
            life.run_steps(3),
            trade_totals.complete_totals(database, told.append),
        )
        assert results[0] == results[2] == "Long journals with totals: 1. Journals that cannot be read: 0."
        await assert_figures_of_the_whole_journal(life, database)

    run(work())


def test_journal_that_cannot_be_read_does_not_stop_the_migration(
    life: Life, database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_journals, "ENTRIES_PER_CHECKPOINT", 1)

    async def work() -> None:
        await Life(database, "another", SEED).open()
        await database[TOTALS].delete_many({})
        await database[ENTRIES].update_many({"fills.0.amount": {"$exists": True}}, {"$set": {"fills.0.amount": "?"}})
        result = await trade_totals.complete_totals(database, lambda _: None)
        assert result == "Long journals with totals: 1. Journals that cannot be read: 1."
        assert await database[TOTALS].distinct("_id") == ["another"]

    run(work())
