"""An order through `DemoWallet`, compared with its two database calls alone."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.monitoring import CommandListener

from benchmarks.accounts import LIMITS, OWNER, Database, prepare
from benchmarks.report import Line, Section
from benchmarks.timing import Comparison, spoken
from moniqo_core import event_loop
from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import account_lifecycle, order_commands
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.storage.client import connect, with_utc_times
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.entry_codec import entry_document
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.connector import WalletConnector
from tests.support.mongo import embedded_server

DATABASE = "bench"
SYMBOL = "BTC/USDT"
BATCH = 500
WARM_UP = 10
METHOD = (
    "Our side opens a wallet, which reads its account, decides a market order and commits it. That takes one "
    "`aggregate` and one `bulk_write`. The baseline sends the same two commands for another wallet with the same "
    "history. The commands were recorded on a third wallet. All three are stored in the same collections of the "
    "embedded database, which is new for each line. Our side and the baseline run in turn."
)


class Recorder(CommandListener):
    """Keeps the commands of the driver."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.commands: list[Any] = []

    def started(self, event: Any) -> None:
        """Keep a command that reads or commits."""
        if event.command_name in {"aggregate", "bulkWrite"}:
            self.commands.append(event.command)

    def succeeded(self, event: Any) -> None:
        """Nothing to keep."""

    def failed(self, event: Any) -> None:
        """Nothing to keep."""


class Case(NamedTuple):
    """The history of a wallet in ended and open orders, and the number of ``orders`` that it then places."""

    name: str
    history: int
    resting: int
    limit: float
    orders: int


class Calls(NamedTuple):
    """The two database calls of one order."""

    pipeline: list[Any]
    writes: list[InsertOne[Any] | UpdateOne]


def measure() -> Section:
    """Measure orders."""
    lines = [
        _on_new_server(Case("0 orders of history", 0, 0, 1.3, 150)),
        _on_new_server(Case("1,000 orders of history", 1_000, 0, 1.3, 150)),
        _on_new_server(Case("10,000 orders of history", 10_000, 0, 1.3, 150)),
        _on_new_server(Case("400 open orders", 0, 400, 2, 40)),
    ]
    return Section("Order through DemoWallet", METHOD, lines)


def _on_new_server(case: Case) -> Line:
    # Three long histories in memory need more than the default limit of the server.
    with embedded_server("--cache-size", "2G") as url:
        return event_loop.run(_compare(url, case))


async def _compare(url: str, case: Case) -> Line:
    recorder = Recorder()
    watched: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, w="majority", event_listeners=[recorder])
    database = connect(url, DATABASE)
    await prepare(database)
    ours, bare, model = await _wallets(database, case.history, case.resting)
    connector = WalletConnector(with_utc_times(watched[DATABASE]))
    for _ in range(case.orders):
        await _order(connector, model)
    calls = _calls(recorder.commands, model, bare)
    mine: list[float] = []
    other: list[float] = []
    connector = WalletConnector(database)
    for call in calls:
        started = time.perf_counter()
        await _order(connector, ours)
        between = time.perf_counter()
        await _bare(database, call)
        mine.append(between - started)
        other.append(time.perf_counter() - between)
    await watched.close()
    await database.client.close()
    found = Comparison.of(mine[WARM_UP:], other[WARM_UP:])
    return Line(case.name, found.ratio, case.limit, "x", f"{spoken(found.ours)}, baseline {spoken(found.baseline)}")


async def _order(connector: WalletConnector, wallet_id: str) -> None:
    wallet = await connector.connect_demo(OWNER, wallet_id)
    await wallet.orders.submit(OrderRequest(SYMBOL, OrderSide.BUY, OrderType.MARKET, Decimal("0.001")))


async def _bare(database: Database, calls: Calls) -> None:
    [document async for document in await database[STATES].aggregate(calls.pipeline)]
    await database.client.bulk_write(calls.writes, ordered=True)


def _calls(commands: Sequence[Any], model: str, bare: str) -> list[Calls]:
    """Return the commands recorded from ``model``, readdressed to ``bare``."""
    found: list[Calls] = []
    pipeline: list[Any] = []
    for command in commands:
        copy = _readdressed(command, model, bare)
        if "aggregate" in copy:
            pipeline = copy["pipeline"]
        else:
            names = [info["ns"] for info in copy["nsInfo"]]
            found.append(Calls(pipeline, [_write(operation, names) for operation in copy["ops"]]))
    return found


def _write(operation: Any, names: Sequence[str]) -> InsertOne[Any] | UpdateOne:
    if "insert" in operation:
        return InsertOne(operation["document"], namespace=names[operation["insert"]])
    return UpdateOne(operation["filter"], operation["updateMods"], namespace=names[operation["update"]])


def _readdressed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _readdressed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_readdressed(item, old, new) for item in value]
    return value


async def _wallets(database: Database, history: int, resting: int) -> tuple[str, str, str]:
    """Write three wallets with the same past."""
    ids = tuple(str(uuid.uuid4()) for _ in range(3))
    feed = PastFeed(await simulation_seed(database), history)
    for wallet_id in ids:
        await _write_past(database, wallet_id, feed, history, resting)
    return ids[0], ids[1], ids[2]


class PastFeed(SimulatedFeed):
    """The simulated market in the past, one step after the other."""

    def __init__(self, seed: str, steps: int) -> None:
        """Start this number of steps ago."""
        self.now = datetime.now(UTC) - timedelta(seconds=15 * (steps + 60))
        super().__init__(seed, lambda: self.now)

    async def context(self) -> MarketContext:
        """Return the market snapshot that a decision at this moment uses."""
        return MarketContext(await self.market(SYMBOL), await self.snapshot(SYMBOL), {}, Decimal(1))


async def _write_past(database: Database, wallet_id: str, feed: PastFeed, history: int, resting: int) -> None:
    start = feed.now
    terms = AccountTerms(OWNER, Decimal(10**9), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, LIMITS)
    commit = account_lifecycle.open_account(wallet_id, terms, feed.now)
    entries = [entry_document(commit, uuid.uuid4().hex)]
    for order in _past_orders(history, resting):
        feed.now += timedelta(seconds=15) if order.type is OrderType.MARKET else timedelta()
        commit = order_commands.place(AccountDraft(commit.after, feed.now), order, await feed.context())
        entries.append(entry_document(commit, uuid.uuid4().hex))
        if len(entries) == BATCH:
            await database[ENTRIES].insert_many(entries)
            entries = []
    if entries:
        await database[ENTRIES].insert_many(entries)
    await database[STATES].insert_one(state_document(commit.after))
    feed.now = start


def _past_orders(history: int, resting: int) -> list[OrderRequest]:
    sides = (OrderSide.BUY, OrderSide.SELL)
    done = [OrderRequest(SYMBOL, sides[number % 2], OrderType.MARKET, Decimal("0.001")) for number in range(history)]
    price = Decimal(20_000)
    return done + [
        OrderRequest(SYMBOL, OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=price + number)
        for number in range(resting)
    ]
