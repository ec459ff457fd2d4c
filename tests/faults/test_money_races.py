"""Races for money: many processes on one wallet, clients killed at any time, connections cut during a commit.

The market's clock stands still, so equal orders meet the same order book and the right result is known exactly.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

import pytest
from pymongo.errors import AutoReconnect, PyMongoError

from moniqo_core.domain.errors import InsufficientBalanceError, TemporarilyUnavailableError
from moniqo_core.domain.money import exact
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.paper.snapshots import STATES
from moniqo_core.wallets.connector import WalletConnector
from tests.conftest import Database, Run
from tests.support.fault_proxy import by_chance, fault_proxy
from tests.support.killable_process import KillableProcess
from tests.support.ledger_audit import audited, entries_of
from tests.support.traders import (
    OWNER,
    Placed,
    Site,
    connector_of,
    market_order,
    open_wallet,
    repeat,
    send,
    send_many,
    trade_until_killed,
)

PROCESSES = 8
ORDERS_EACH = 5
AFFORDABLE = PROCESSES * ORDERS_EACH // 2
KILLS = 48
PLENTY = Decimal(1_000_000_000)
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def site(database: Database, mongo_url: str) -> Site:
    """A new wallet id, in the test's own database."""
    return Site(mongo_url, database.name, str(uuid.uuid4()))


@pytest.fixture
def connection(site: Site, run: Run) -> Iterator[Database]:
    """The database connection of the test's own process."""
    opened = site.connect()
    yield opened
    run(opened.client.close())


@pytest.fixture
def connector(connection: Database) -> WalletConnector:
    """Opens wallets from the test's own process, at the moment the market stands still."""
    return connector_of(connection)


@contextmanager
def spawned(entry: Callable[..., None], arguments: Sequence[tuple[object, ...]]) -> Iterator[list[Connection]]:
    """Spawn one process per tuple of arguments and yield the pipes of their results."""
    ends: list[Connection] = []
    processes = []
    for given in arguments:
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(target=entry, args=(*given, theirs), daemon=True)
        process.start()
        theirs.close()
        ends.append(ours)
        processes.append(process)
    try:
        yield ends
        for process in processes:
            process.join(10)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()


async def cost_of(connector: WalletConnector, count: int) -> Decimal:
    """Cash that ``count`` orders take, found by sending them one by one to a rich wallet of the same market."""
    other = str(uuid.uuid4())
    await open_wallet(connector, other, PLENTY)
    with exact():
        return sum([_paid(await send(connector, other, market_order())) for _ in range(count)], Decimal(0))


def _paid(order: Placed) -> Decimal:
    with exact():
        return Decimal(order[2]) + Decimal(order[3])


def test_eight_processes_spend_exactly_the_available_cash(
    site: Site, connector: WalletConnector, database: Database, run: Run
) -> None:
    cash = run(cost_of(connector, AFFORDABLE))
    run(open_wallet(connector, site.user_wallet_id, cash))
    barrier = spawn.Barrier(PROCESSES)
    with spawned(send_many, [(site, ORDERS_EACH, barrier)] * PROCESSES) as ends:
        results = [end.recv() for end in ends]
    accepted = [order for orders, _ in results for order in orders]
    assert len(accepted) == AFFORDABLE
    assert sum(refused for _, refused in results) == PROCESSES * ORDERS_EACH - AFFORDABLE
    assert len({order[0] for order in accepted}) == AFFORDABLE
    account = run(audited(database, site.user_wallet_id))
    with exact():
        assert account.holding("USDT").total == cash - sum(map(_paid, accepted)) == 0
    assert account.holding("BTC").total == AFFORDABLE * Decimal("0.01")


def test_order_is_refused_when_one_unit_of_cash_is_missing(site: Site, connector: WalletConnector, run: Run) -> None:
    cash = run(cost_of(connector, 3))

    async def work() -> None:
        await open_wallet(connector, site.user_wallet_id, cash - Decimal("0.00000001"))
        for _ in range(2):
            await send(connector, site.user_wallet_id, market_order())
        with pytest.raises(InsufficientBalanceError):
            await send(connector, site.user_wallet_id, market_order())

    run(work())


def test_fifty_concurrent_repeats_make_one_order(
    site: Site, connector: WalletConnector, database: Database, run: Run
) -> None:
    processes, tasks = 5, 10
    run(open_wallet(connector, site.user_wallet_id, PLENTY))
    barrier = spawn.Barrier(processes)
    with spawned(repeat, [(site, tasks, "once", barrier)] * processes) as ends:
        answers = [answer for end in ends for answer in end.recv()]
    assert len(answers) == processes * tasks
    assert len({(order_id, quote, fee) for order_id, _, quote, fee in answers}) == 1
    assert Counter(replayed for _, replayed, _, _ in answers) == {False: 1, True: processes * tasks - 1}
    account = run(audited(database, site.user_wallet_id))
    assert account.seq == 2
    with exact():
        assert account.holding("USDT").total == PLENTY - _paid(answers[0])


def test_killed_client_leaves_the_old_or_the_new_state(
    site: Site, connector: WalletConnector, database: Database, run: Run, seed: int
) -> None:
    chance = random.Random(seed)
    run(open_wallet(connector, site.user_wallet_id, PLENTY))
    acknowledged: set[str] = set()
    slowest = 0.0
    for _ in range(KILLS // 2):
        clients = [KillableProcess(trade_until_killed, site) for _ in range(2)]
        try:
            for client in clients:
                acknowledged.add(client.reports.recv())
            for client in clients:
                time.sleep(chance.uniform(0, 0.03))
                client.kill()
        finally:
            for client in clients:
                acknowledged.update(client.end())
        started = time.monotonic()
        order_id, _, _, _ = run(send(connector, site.user_wallet_id, market_order()))
        slowest = max(slowest, time.monotonic() - started)
        acknowledged.add(order_id)
    account = run(audited(database, site.user_wallet_id))
    assert slowest < 1
    entries = run(entries_of(database, site.user_wallet_id))
    placed = [order_id for entry in entries[1:] for order_id in entry["order_ids"]]
    assert len(placed) == len(set(placed)) == account.seq - 1
    assert acknowledged <= set(placed)
    # A client has one order under way when it dies: what was written and not acknowledged is at most that.
    assert len(set(placed) - acknowledged) <= KILLS


@pytest.mark.parametrize("named", [False, True], ids=["asked once", "asked again until answered"])
def test_connection_broken_during_a_commit_never_doubles_an_order(
    site: Site, connector: WalletConnector, database: Database, run: Run, seed: int, named: bool
) -> None:
    """Whatever happens to a connection, an order is placed at most once, and every response is correct."""
    run(open_wallet(connector, site.user_wallet_id, PLENTY))
    answers = run(_send_through(site, by_chance(seed), orders=16, clients=2, named=named))
    assert not named or len(answers) == 16
    run(_check_made_once(database, site, answers))


def test_commit_interrupted_by_a_server_crash_is_completed(
    site: Site,
    connection: Database,
    connector: WalletConnector,
    database: Database,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The writes of a commit are one request but no transaction, so a crash may leave only the entry."""

    async def work() -> None:
        await open_wallet(connector, site.user_wallet_id, PLENTY)
        await database["user_wallets"].insert_one({"_id": site.user_wallet_id, "status": "active"})
        wallet = await connector.connect(OWNER, site.user_wallet_id)
        client = connection.client
        whole = client.bulk_write

        async def only_the_entry(models: Sequence[Any], **options: Any) -> object:
            monkeypatch.setattr(client, "bulk_write", whole)
            await whole(models[:1], **options)
            raise AutoReconnect

        monkeypatch.setattr(client, "bulk_write", only_the_entry)
        await wallet.record(SetStatus("paused", "owner"), {"why": "a rest"})
        user_wallet = await database["user_wallets"].find_one({})
        assert user_wallet is not None
        assert (user_wallet["status"], user_wallet["why"]) == ("paused", "a rest")
        state = await database[STATES].find_one({"_id": site.user_wallet_id})
        assert state is not None
        assert (state["seq"], state["status"]) == (2, "paused")

    run(work())


def test_commit_that_arrives_late_counts_once(
    site: Site, connector: WalletConnector, database: Database, run: Run
) -> None:
    """The worst case: the first attempt arrives just before the last one."""
    run(open_wallet(connector, site.user_wallet_id, PLENTY))
    faults = itertools.cycle(["late", "late", None])
    answers = run(_send_through(site, faults, orders=4, clients=1, named=False))
    assert len(answers) == 4
    run(_check_made_once(database, site, answers))


async def _send_through(
    site: Site, faults: Iterator[str | None], *, orders: int, clients: int, named: bool
) -> dict[int, Placed]:
    """Send numbered orders over breaking connections, and return the answers. Named ones repeat until answered."""
    answers: dict[int, Placed] = {}

    async def client(through: WalletConnector, numbers: range) -> None:
        for number in numbers:
            order = market_order(f"order-{number}" if named else None, number=number)
            while number not in answers:
                try:
                    answers[number] = await send(through, site.user_wallet_id, order)
                except TemporarilyUnavailableError:
                    if not named:
                        break
                except PyMongoError as error:
                    if not is_outage(error):
                        raise
                    if not named:
                        break

    async with fault_proxy(site.mongo_url, faults) as (proxy, url):
        harmed = replace(site, mongo_url=url).connect()
        through = connector_of(harmed)
        await through.feed()
        await asyncio.gather(*(client(through, range(first, orders, clients)) for first in range(clients)))
        await harmed.client.close()
        assert proxy.done, "no commit was harmed"
    return answers


async def _check_made_once(db: Database, site: Site, answers: dict[int, Placed]) -> None:
    made = {entry["order_ids"][0]: entry for entry in (await entries_of(db, site.user_wallet_id))[1:]}
    numbers = {order_id: json.loads(entry["command"]["metadata"])["number"] for order_id, entry in made.items()}
    assert sorted(set(numbers.values())) == sorted(numbers.values()), "an order was made twice"
    for number, (order_id, _, quote, fee) in answers.items():
        order = made[order_id]["orders"][0]
        assert (numbers[order_id], order["filled_quote"], order["fee"]) == (number, quote, fee)
    await audited(db, site.user_wallet_id)
