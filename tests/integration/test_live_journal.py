"""The journal of a live wallet: what its entries are, and that any reader completes what they say elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from moniqo_core.cli.replay_and_verify import describe
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.live import order_updates
from moniqo_core.domain.live.order import LiveOrder, VenueReport
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus
from moniqo_core.domain.wallets.lifecycle_commands import Suspend
from moniqo_core.storage.document import Document
from moniqo_core.storage.live.journal import live_journal, verification
from moniqo_core.storage.live.journal.account import after_entry
from moniqo_core.storage.live.journal.checkpoints import LiveCheckpoints
from moniqo_core.storage.live.journal.live_journal import CommitOutcome, LiveJournal
from moniqo_core.storage.live.journal.projection import GROUP, REACHED, projection_writes, reached_fields
from moniqo_core.storage.live.journal.verification import LiveJournals
from moniqo_core.storage.live.lifecycle import LiveLifecycle
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet
from tests.conftest import Database, Run
from tests.support.lambdas import Answer
from tests.support.live_harness import LiveHarness, wallet_with_orders
from tests.support.wallets import aws

__all__ = ["aws", "wallet_with_orders"]

D = Decimal

QUERIES: Final = ("seen_at", "looks", "misses", "settle_at")
"""Fields of an order that say when it was queried. They are not in the journal."""
BY_ENTRIES: Final = ("status", "status_reason", "pause_level", "risk_limits", "key_permissions", "key_permissions_of")
TRANSFERRED: Final = ("transfers_since", "transfers_found")
OF_THE_JOURNAL: Final = (*BY_ENTRIES, *TRANSFERRED, *GROUP.values(), REACHED)
"""Fields of a user wallet that entries set."""


def journal(harness: LiveHarness, run: Run) -> list[Document]:
    return run(harness.database.live_wallet_ledger.find().sort("seq", 1).to_list())


def pause(harness: LiveHarness, **body: Any) -> Answer:
    return harness.invoke("pause_wallet", "POST", f"{harness.path}/pause", user=harness.user, body=body)


def resume(harness: LiveHarness) -> Answer:
    body = {"confirm": True}
    return harness.invoke("resume_wallet", "POST", f"{harness.path}/resume", user=harness.user, body=body)


def test_everything_that_happens_to_a_wallet_is_an_entry(harness: LiveHarness, run: Run) -> None:
    harness.cancel("o-2-1")
    pause(harness, level="full", reason="holidays")
    resume(harness)

    entries = journal(harness, run)

    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [(entry["kind"], *entry["order_ids"]) for entry in entries] == [
        ("limits",),
        ("intent", "o-1-1"),
        ("order", "o-1-1"),
        ("intent", "o-2-1"),
        ("order", "o-2-1"),
        ("intent", "o-3-1"),
        ("order", "o-3-1"),
        ("order", "o-2-1"),
        ("status",),
        ("status",),
    ]
    assert [len(entry["fills"]) for entry in entries if entry["kind"] == "order"] == [1, 0, 0, 0]
    assert [entry["wallet"]["status"] for entry in entries if entry["kind"] == "status"] == ["paused", "active"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)


def test_query_without_news_is_no_entry(harness: LiveHarness, run: Run) -> None:
    before = journal(harness, run)
    (queried,) = run(harness.database.orders.find({"seq": 2}).to_list())

    assert harness.order("o-2-1")["status"] == "open"

    assert journal(harness, run) == before
    (again,) = run(harness.database.orders.find({"seq": 2}).to_list())
    assert again["seen_at"] > queried["seen_at"]


class Crashes:
    """Makes a wallet as a server leaves it that stops between any two writes of a commit."""

    def __init__(self, harness: LiveHarness, run: Run) -> None:
        self._run, self._database = run, harness.database
        start = run(harness.database.user_wallets.find_one())
        harness.cancel("o-3-1")
        harness.limit(max_open_positions=7)
        pause(harness, level="reduce_only", keep_orders=True)
        assert harness.place(side="sell", type="market", price=None, amount="0.01").status == 201
        (account,) = harness.venue.exchange.accounts.values()
        account.free["USDT"] += 50
        account.ip_restricted = True
        harness.sync()
        self.entries = journal(harness, run)
        start |= self.entries[0]["before"]
        self._start = {name: start[name] for name in BY_ENTRIES}
        assert [entry["kind"] for entry in self.entries[12:]] == ["permissions", "transfers"]

    def each(self) -> Iterator[tuple[int, int]]:
        """Yield each number of entries applied with each number of writes of the next one."""
        for applied, entry in enumerate(self.entries):
            for writes in range(len(projection_writes(self._database.name, entry)) + 1):
                yield applied, writes

    def stop(self, applied: int, writes: int) -> None:
        self._run(self._stop(applied, writes))

    async def _stop(self, applied: int, writes: int) -> None:
        database = self._database
        for collection in ("orders", "order_fills"):
            await database[collection].delete_many({})
        gone = dict.fromkeys((*TRANSFERRED, *GROUP.values(), *reached_fields(self.entries[0])), "")
        await database.user_wallets.update_one({}, {"$set": self._start, "$unset": gone})
        done = [write for entry in self.entries[:applied] for write in projection_writes(database.name, entry)]
        await send(database, [*done, *projection_writes(database.name, self.entries[applied])[:writes]])
        if applied:
            await database.user_wallets.update_one({}, {"$set": reached_fields(self.entries[applied - 1])})


def test_reader_completes_what_an_interrupted_commit_left_out(harness: LiveHarness, run: Run) -> None:
    """The server may stop between any two writes of a commit. After each, a read makes the same documents."""
    crashes = Crashes(harness, run)
    whole = run(state(harness.database))

    for stop in crashes.each():
        crashes.stop(*stop)
        run(LiveOrderStore(harness.database).pre_trade_state(harness.wallet, None))

        assert run(state(harness.database)) == whole, stop


READS: Final = {
    "order": ("get_order", "/wallets/{}/orders/o-4-1", {}),
    "orders": ("list_orders", "/wallets/{}/orders", {}),
    "fills": ("list_trades", "/wallets/{}/trades", {}),
    "orders of all wallets": ("list_all_orders", "/orders", {}),
    "wallet": ("get_wallet", "/wallets/{}", {}),
    "wallets": ("list_wallets", "/wallets", {}),
    "paused wallets": ("list_wallets", "/wallets", {"status": "paused"}),
    "active wallets": ("list_wallets", "/wallets", {"status": "active"}),
}


def test_every_read_shows_the_state_of_the_journal(harness: LiveHarness, run: Run) -> None:
    def shown(read: str) -> Any:
        function, path, query = READS[read]
        answer = harness.invoke(function, "GET", path.format(harness.wallet), user=harness.user, query=query)
        assert answer.status == 200, answer.text
        body = answer.json
        for found in [body, *body.get("items", ())]:
            for name in ("evaluated_until", "last_used_at"):  # queries and uses are no entries
                found.pop(name, None)
        return body

    crashes = Crashes(harness, run)
    whole = {name: shown(name) for name in READS}

    # Every kind of entry that a read shows is among these. The first one begins a journal that the wallet does not name
    # yet. The last one has a fill, which is stored before its order.
    for stop in [*((applied, 0) for applied in (0, 7, 8, 9, 10, 11)), (11, 1)]:
        for name in READS:
            crashes.stop(*stop)
            assert shown(name) == whole[name], (name, stop)


async def send(database: Database, writes: list[Any]) -> None:
    if writes:
        await database.client.bulk_write(writes)


async def state(database: Database) -> tuple[list[Document], list[Document], Document]:
    """Return what the journal tells: orders without the times of their queries, fills, and part of the wallet."""
    orders = await database.orders.find({}, dict.fromkeys(QUERIES, 0)).sort("_id", 1).to_list()
    fills = await database.order_fills.find().sort("_id", 1).to_list()
    wallet = await database.user_wallets.find_one({}, list(OF_THE_JOURNAL))
    assert wallet is not None
    return orders, fills, wallet


@pytest.mark.parametrize("taken", ["seq", "client_order_id"])
def test_intent_gives_way_to_an_order_of_the_release_before(
    harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch, taken: str
) -> None:
    """That release inserts orders without entries, also between the decision and the intent."""
    insert, at_venue = LiveOrderStore.insert, len(harness.at_venue())

    async def late(store: LiveOrderStore, *given: Any) -> object:
        monkeypatch.undo()
        theirs = await harness.database.orders.find_one({"seq": 3})
        assert theirs is not None
        number = 4 if taken == "seq" else 40
        other = {"_id": f"{harness.wallet}:{number:012d}", "seq": number, "token": "theirs", "client_order_id": taken}
        await harness.database.orders.insert_one({**theirs, **other})
        return await insert(store, *given)

    monkeypatch.setattr(LiveOrderStore, "insert", late)
    placed = harness.place(client_order_id="client_order_id")

    kinds = [entry["kind"] for entry in journal(harness, run)]
    assert kinds[7:9] == ["intent", "void"]
    if taken == "seq":
        assert (placed.status, placed.json["order_id"], kinds[9:]) == (201, "o-5-1", ["intent", "order"])
        assert len(harness.at_venue()) == at_venue + 1
    else:
        assert (placed.status, placed.json["code"], kinds[9:]) == (422, "IDEMPOTENCY_MISMATCH", [])
        assert len(harness.at_venue()) == at_venue


def test_journal_of_a_wallet_that_has_orders_begins_above_them(harness: LiveHarness, run: Run) -> None:
    (entry, *_) = journal(harness, run)
    gone = dict.fromkeys((*reached_fields(entry), *GROUP.values()), "")
    run(harness.database.live_wallet_ledger.delete_many({}))
    run(harness.database.user_wallets.update_one({}, {"$unset": gone}))

    assert harness.cancel("o-2-1").json["status"] == "cancelled"
    assert harness.place().json["order_id"] == "o-4-1"

    entries = journal(harness, run)
    assert [(entry["seq"], entry["kind"]) for entry in entries] == [
        (4, "opened"),
        (5, "order"),
        (6, "intent"),
        (7, "order"),
    ]
    assert [order["seq"] for order in entries[0]["orders"]] == [2, 3]


def test_pause_of_the_release_before_is_not_lost(
    harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That release suspends the wallet between a decision to pause it and its entry."""
    commit = LiveJournal.commit

    async def late(journal: LiveJournal, *given: Any) -> object:
        monkeypatch.undo()
        suspended = {"status": "suspended", "status_reason": "theirs", "updated_at": utc_now()}
        await harness.database.user_wallets.update_one({}, {"$set": suspended})
        return await commit(journal, *given)

    monkeypatch.setattr(LiveJournal, "commit", late)
    paused = pause(harness, level="full")

    assert (paused.status, paused.json["code"]) == (409, "WALLET_SUSPENDED")
    shown = harness.invoke("get_wallet", "GET", harness.path, user=harness.user).json
    assert (shown["status"], shown["status_reason"]) == ("suspended", "theirs")


def verify(harness: LiveHarness, run: Run) -> str | None:
    """Return the first difference that ``moniqo-admin verify`` finds, None if the wallet agrees."""
    found = run(LiveJournals(harness.database).run(harness.wallet))
    assert found is not None
    return None if found.difference is None else describe(found.difference)


def test_verified_wallet_agrees_with_its_journal(harness: LiveHarness, run: Run) -> None:
    harness.cancel("o-2-1")
    pause(harness, level="full")
    assert verify(harness, run) is None


TAMPERED: Final[Sequence[tuple[str, Document, Document | None, str]]] = (
    ("orders", {"seq": 1}, {"filled_amount": "9"}, "entry 7, orders.o-1-1.filled_amount: stored 9, recomputed 0.1"),
    ("orders", {"seq": 2}, {"version": 5}, "entry 7, orders.o-2-1.version: stored 5, recomputed 2"),
    ("order_fills", {}, {"quote": "1"}, "quote: stored 1, recomputed 5000"),
    ("user_wallets", {}, {"risk_limits": {}}, "entry 7, user_wallets.risk_limits: stored {}, recomputed {"),
    ("live_wallet_ledger", {"seq": 3}, None, "entry 3, entry: stored missing, recomputed an entry"),
    ("orders", {"seq": 3}, None, "entry 7, orders.o-3-1: stored missing, recomputed open"),
    ("order_fills", {}, None, "stored missing, recomputed there"),
)
"""A collection, one of its documents, the change, None for its removal, and the difference that it makes."""


def test_changed_document_is_a_difference(harness: LiveHarness, run: Run) -> None:
    for collection, which, change, difference in TAMPERED:
        assert verify(harness, run) is None
        documents = harness.database[collection]
        before = run(documents.find_one(which))
        assert before is not None
        one = {"_id": before["_id"]}
        run(documents.delete_one(one) if change is None else documents.update_one(one, {"$set": change}))

        assert difference in (verify(harness, run) or ""), (collection, which, change)

        run(documents.replace_one(one, before, upsert=True))


def test_order_without_an_entry_is_a_difference(harness: LiveHarness, run: Run) -> None:
    (theirs,) = run(harness.database.orders.find({"seq": 3}).to_list())
    run(harness.database.orders.insert_one({**theirs, "_id": f"{harness.wallet}:{4:012d}", "seq": 4}))

    assert verify(harness, run) == "entry 7, orders.o-4-1: stored open, recomputed missing"


def part_filled(order: LiveOrder, *fills: Fill) -> LiveOrder:
    """Return an order after the venue reported these fills and listed them."""
    filled, quote = sum(fill.amount for fill in fills), sum(fill.quote for fill in fills)
    status = OrderStatus.PARTIALLY_FILLED
    report = VenueReport("v-1", status, order.amount, D(filled), D(quote), D(0), "USDT")
    return order_updates.with_fills(order_updates.acknowledged(order, report, utc_now()), fills, utc_now())


def test_entry_has_only_the_fills_that_are_new(harness: LiveHarness, run: Run) -> None:
    """A venue lists every fill of an order each time. An order with many fills must not repeat them in each entry."""
    store = LiveOrderStore(harness.database)
    first, second = (
        Fill(
            f"o-2-1:t-{number}",
            "o-2-1",
            "BTC/USDT",
            OrderSide.BUY,
            D("0.0001"),
            D(3),
            (),
            D(0),
            "USDT",
            None,
            utc_now(),
        )
        for number in (1, 2)
    )

    async def news() -> None:
        order = await store.get(harness.wallet, "o-2-1")
        for listed in ([first], [first, second], [first, second]):
            stored = await store.update(order, part_filled(order, *listed), listed, at=utc_now())
            assert stored is not None
            order = stored

    before = len(journal(harness, run))
    run(news())

    entries = journal(harness, run)[before:]
    assert [[fill["fill_id"] for fill in entry["fills"]] for entry in entries] == [["o-2-1:t-1"], ["o-2-1:t-2"]]
    assert run(harness.database.order_fills.count_documents({"seq": 2})) == 2
    assert verify(harness, run) is None


def test_void_entry_takes_the_next_number_that_is_free(harness: LiveHarness, run: Run) -> None:
    """Another writer may add an entry between an intent and the entry that makes it void."""
    store, ledger = LiveOrderStore(harness.database), harness.database.live_wallet_ledger

    async def give_way() -> CommitOutcome:
        state = await store.pre_trade_state(harness.wallet, None)
        theirs = await harness.database.orders.find_one({"seq": 3})
        news = await ledger.find_one({"seq": 7})
        assert theirs is not None
        assert news is not None
        taken = {"_id": f"{harness.wallet}:{4:012d}", "seq": 4, "token": "theirs"}
        await harness.database.orders.insert_one({**theirs, **taken})
        await ledger.insert_one({**news, "_id": f"{harness.wallet}:{9:012d}", "seq": 9})
        order = replace(await store.get(harness.wallet, "o-3-1"), seq=4, token="ours", version=1)
        return (await store.insert(order, state)).outcome

    assert run(give_way()) is CommitOutcome.OVERTAKEN
    assert [entry["kind"] for entry in journal(harness, run)[7:]] == ["intent", "order", "void"]


def test_verifying_a_wallet_changes_nothing(harness: LiveHarness, run: Run) -> None:
    """Also not what an interrupted commit left out, which it names."""
    (entry,) = [entry for entry in journal(harness, run) if entry["seq"] == 6]
    run(harness.database.orders.delete_one({"seq": 3}))
    run(harness.database.user_wallets.update_one({}, {"$set": reached_fields(entry)}))

    assert verify(harness, run) == "entry 7, orders.o-3-1: stored missing, recomputed open"

    assert run(harness.database.orders.count_documents({"seq": 3})) == 0
    (wallet,) = run(harness.database.user_wallets.find().to_list())
    assert wallet[REACHED] == 6


def test_deposit_that_a_sync_finds_is_an_entry(harness: LiveHarness, run: Run) -> None:
    """Once, even if the outcome of the sync is lost after its entry, so that the next one finds it again."""
    (account,) = harness.venue.exchange.accounts.values()
    (before,) = run(harness.database.user_wallets.find().to_list())
    account.free["USDT"] += 50
    harness.sync()
    lost = {name: before[name] for name in ("balance", "baseline")}
    run(harness.database.user_wallets.update_one({}, {"$set": lost}))
    account.free["USDT"] -= 20
    harness.sync()
    run(harness.database.user_wallets.update_one({}, {"$set": lost}))
    account.free["USDT"] -= 30

    harness.sync()
    harness.sync()

    found = [entry["transfers"] for entry in journal(harness, run) if entry["kind"] == "transfers"]
    assert found == [[["USDT", "50", "1"]], [["USDT", "-20", "1"]], [["USDT", "-30", "1"]]]
    assert verify(harness, run) is None


def test_permissions_that_a_sync_finds_are_entries(harness: LiveHarness, run: Run) -> None:
    """A pause is committed first. If the sync stops after it, the next one still finds the permissions changed."""
    (account,) = harness.venue.exchange.accounts.values()
    account.can_withdraw = True

    harness.sync()
    harness.sync()

    pause, permissions = journal(harness, run)[7:]
    assert (pause["kind"], pause["wallet"]["status"]) == ("status", "paused")
    assert (permissions["kind"], permissions["wallet"]["key_permissions"]["can_withdraw"]) == ("permissions", True)
    assert verify(harness, run) is None


def test_suspension_between_a_sync_and_its_entry_leaves_the_change_to_the_next_sync(
    harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (account,) = harness.venue.exchange.accounts.values()
    account.can_withdraw = True
    commit = SyncFindings.commit

    async def late(findings: SyncFindings, *given: Any) -> Any:
        monkeypatch.undo()
        (wallet,) = await harness.database.user_wallets.find().to_list()
        await LiveLifecycle(harness.database).record(
            read_user_wallet(wallet), Suspend("a question"), {"updated_at": utc_now()}
        )
        return await commit(findings, *given)

    monkeypatch.setattr(SyncFindings, "commit", late)
    harness.sync()
    assert [entry["kind"] for entry in journal(harness, run)[7:]] == ["status"]
    run(harness.database.user_wallets.update_one({}, {"$unset": {"sync_lease": ""}}))

    harness.sync()

    (permissions,) = journal(harness, run)[8:]
    assert permissions["wallet"]["status_before_suspension"] == "paused"
    assert verify(harness, run) is None


def test_checkpoint_after_every_500th_entry(harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account as of any entry is the one that all entries up to it make, with checkpoints and without."""
    for module in (live_journal, verification):
        monkeypatch.setattr(module, "ENTRIES_PER_CHECKPOINT", 4)
    assert harness.place(side="sell", type="market", price=None, amount="0.02").status == 201
    (account,) = harness.venue.exchange.accounts.values()
    account.free["USDT"] += 50
    harness.sync()
    pause(harness, level="reduce_only")
    database, entries = harness.database, journal(harness, run)
    checkpoints = LiveCheckpoints(database)
    stored = run(database.live_wallet_checkpoints.find().sort("seq", 1).to_list())
    assert [each["seq"] for each in stored] == [8, 12]

    later = {"open_positions.0.of_a_later_release": 1}
    run(database.live_wallet_checkpoints.update_one({"seq": 8}, {"$set": later}))
    folded, accounts = None, []
    for entry in entries:
        folded = after_entry(folded, entry)
        accounts.append(folded)
    assert [run(checkpoints.as_of(harness.wallet, seq)) for seq in range(1, len(entries) + 1)] == accounts
    assert run(checkpoints.as_of(harness.wallet, len(entries) + 1)) is None
    (totals,) = accounts[-1].totals.trades.symbols.values()
    assert (totals.fills, totals.trades, accounts[-1].totals.transfers) == (2, 1, {"USDT": D(50)})
    run(database.live_wallet_checkpoints.update_one({"seq": 8}, {"$unset": later}))
    assert verify(harness, run) is None
    assert run(database.live_wallet_positions.count_documents({})) == 0

    run(database.live_wallet_checkpoints.update_one({"seq": 8}, {"$set": {"wallet.status": "active"}}))
    assert "entry 8, checkpoint.wallet" in (verify(harness, run) or "")
    run(database.live_wallet_checkpoints.update_one({"seq": 8}, {"$set": {"commit_id": "of a lost journal"}}))
    assert run(checkpoints.as_of(harness.wallet, len(entries))) == accounts[-1]


def test_closed_position_has_a_record(harness: LiveHarness, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored with the next checkpoint, also if one before is missing."""
    monkeypatch.setattr(verification, "ENTRIES_PER_CHECKPOINT", 4)
    database = harness.database
    harness.cancel("o-3-1")
    assert harness.place(side="sell", type="market", price=None, amount="0.0999").status == 201
    monkeypatch.setattr(live_journal, "ENTRIES_PER_CHECKPOINT", 4)
    harness.cancel("o-2-1")
    pause(harness, level="full")
    assert len(journal(harness, run)) == 12

    (record,) = run(database.live_wallet_positions.find().to_list())

    shown = {name: record[name] for name in ("symbol", "bought", "sold", "fills", "closed_seq", "cost")}
    assert shown == {
        "symbol": "BTC/USDT",
        "bought": "0.0999",
        "sold": "0.0999",
        "fills": 2,
        "closed_seq": 10,
        "cost": "5000.001",
    }
    assert record["opened_at"] <= record["closed_at"]
    assert verify(harness, run) is None
    run(database.live_wallet_positions.update_one({}, {"$set": {"realised": "1"}}))
    assert "entry 12, position BTC/USDT.realised: stored 1" in (verify(harness, run) or "")
