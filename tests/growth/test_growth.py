"""A page of a long journal reads as many entries as a page of a short one, and an index serves every read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener

from benchmarks.accounts import OWNER
from benchmarks.journal_life import RARE, START
from benchmarks.journals import journal, load
from moniqo_core import event_loop
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.storage.client import with_utc_times
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, fresh_database, fresh_environment

ENTRIES = 800
LIMIT = 10
MOST_ENTRIES = 420
"""Two reads of the fewest numbers, and the entries of the orders on the page."""
MOST_READS = 4
Read = Callable[[DemoWallet], Awaitable[Any]]
EARLY = START + timedelta(minutes=20)


class Reads(CommandListener):
    """Keeps the queries on journals."""

    def __init__(self) -> None:
        self.queries: list[dict[str, Any]] = []

    def started(self, event: Any) -> None:
        if event.command.get("find") == "demo_wallet_ledger":
            kept = ("find", "filter", "sort", "limit", "projection")
            self.queries.append({name: event.command[name] for name in kept if name in event.command})

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


class Traded:
    """A wallet with a long journal, and the queries that reading it takes."""

    def __init__(self, database: Database, wallet: str, url: str) -> None:
        self.database = database
        self.reads = Reads()
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, event_listeners=[self.reads])
        connector = WalletConnector(with_utc_times(self.client[database.name]))
        self.wallet = event_loop.run(connector.connect_demo(OWNER, wallet))

    def queries_of(self, read: Read) -> list[dict[str, Any]]:
        async def reading() -> Any:
            return await read(self.wallet)

        self.reads.queries.clear()
        assert event_loop.run(reading())
        return list(self.reads.queries)

    def explained(self, query: dict[str, Any]) -> dict[str, Any]:
        command = {"explain": query, "verbosity": "executionStats"}
        found: dict[str, Any] = event_loop.run(self.database.command(command))
        return found


@pytest.fixture(scope="module")
def traded(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    with pytest.MonkeyPatch.context() as patch, fresh_environment(patch), fresh_database(patch, mongo_url) as database:
        wallet = event_loop.run(load(database, journal(ENTRIES, tmp_path_factory.mktemp("journals"))))
        found = Traded(database, wallet, mongo_url)
        yield found
        event_loop.run(found.client.close())


def orders(**asked: Any) -> Read:
    return lambda wallet: wallet.orders.page(OrderQuery(LIMIT, **asked))


def fills(**asked: Any) -> Read:
    return lambda wallet: wallet.orders.fills(FillQuery(LIMIT, **asked))


PAGES: dict[str, Read] = {
    "orders": orders(),
    "closed orders": orders(only_open=False),
    "orders created before": orders(until=EARLY),
    "orders created between": orders(since=EARLY, until=EARLY + timedelta(hours=1)),
    "orders far back": orders(after=(50, 1)),
    "orders of a symbol": orders(symbol="BTC/USDT"),
    "orders of a rare symbol": orders(symbol=RARE),
    "orders of a side": orders(side=OrderSide.SELL),
    "orders of a rare type": orders(type=OrderType.TRAILING_STOP),
    "order with a client order id": orders(client_order_id="c-4"),
    "fills": fills(),
    "fills before": fills(until=EARLY),
    "fills between": fills(since=EARLY, until=EARLY + timedelta(hours=1)),
    "fills far back": fills(after=(50, 0)),
    "fills of a symbol before": fills(symbol="BTC/USDT", until=EARLY),
    "fills of a rare symbol": fills(symbol=RARE),
    "ledger": lambda wallet: wallet.past.entries(0, LIMIT),
    "ledger as CSV": lambda wallet: wallet.past.postings(400, 50),
    "order": lambda wallet: wallet.orders.get("o-3-1"),
}


def test_to_and_from_choose_what_the_journal_tells(traded: Traded) -> None:
    reader = traded.wallet.orders
    newest_first = event_loop.run(traded.wallet.past.entries(0, ENTRIES))[::-1]
    every_fill = [fill for entry in newest_first for fill in reversed(entry.fills)]
    accepting = [entry for entry in newest_first if entry.kind in {"place", "closeposition"}]

    # A fill may be an hour older than the entry that has it.
    for until in [fill.at + timedelta(milliseconds=1) for fill in every_fill[::40]]:
        since = until - timedelta(hours=1)
        placed, _ = event_loop.run(reader.page(OrderQuery(LIMIT, since=since, until=until)))
        filled, _ = event_loop.run(reader.fills(FillQuery(LIMIT, since=since, until=until)))
        without_exits = [order.order_id for order in placed if order.order_id.endswith("-1")]
        expected = [f"o-{entry.seq}-1" for entry in accepting if since <= entry.at < until]
        assert without_exits == expected[: len(without_exits)]
        assert len(placed) == LIMIT or len(without_exits) == len(expected)
        assert filled == [fill for fill in every_fill if since <= fill.at < until][:LIMIT]


@pytest.mark.parametrize("cursor", [ENTRIES + 1, 2**53 - 1])
def test_a_cursor_beyond_the_journal_begins_with_its_newest_entry(cursor: int, traded: Traded) -> None:
    reader = traded.wallet.orders

    assert event_loop.run(reader.page(OrderQuery(1, after=(cursor, 1)))) == event_loop.run(reader.page(OrderQuery(1)))
    assert event_loop.run(reader.fills(FillQuery(1, after=(cursor, 0)))) == event_loop.run(reader.fills(FillQuery(1)))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_few_entries_and_an_index_serves_it(name: str, traded: Traded) -> None:
    queries = traded.queries_of(PAGES[name])

    examined = 0
    for query in queries:
        found = traded.explained(query)
        stages = _stages(found["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in stages, query
        assert "filter" not in stages.get("FETCH", {}), query
        examined += found["executionStats"]["totalDocsExamined"]
    assert examined <= MOST_ENTRIES
    assert 1 <= len(queries) <= MOST_READS


def _stages(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the stages of a plan by their names."""
    found = {plan["stage"]: plan}
    return {**found, **_stages(plan["inputStage"])} if "inputStage" in plan else found
