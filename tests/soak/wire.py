"""Orders over the wire while clients, connections and the database are killed: ``python -m tests.soak.wire``.

Eight slots send numbered orders to a shared wallet and to wallets of their own. In each slot a client process trades
until it is killed, and the next one sends the unanswered orders again. Two slots use a proxy that breaks connections.
The database is killed and restarted. A checker replays the wallets all the while.

The seed determines the orders, kills and faults. The timing is random.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import math
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from pymongo.errors import PyMongoError

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.client import connect
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.soak.checker import Receipt, Seen, Stop, check
from tests.soak.client import Answered, Asked, Duty, is_interrupted, names, order_of, trade, wallet_of
from tests.soak.verdict import Record, verdict
from tests.support.fault_proxy import FaultProxy, by_chance, fault_proxy
from tests.support.killable_process import KillableProcess, prepared
from tests.support.mongo import DurableServer
from tests.support.traders import OWNER

DATABASE = "soak"
SLOTS = 8
THROUGH_PROXY = 2
HARMED = 0.1
"""Share of the commits that the proxy harms."""
CASH = Decimal(12_000)
"""The opening balance of a wallet. It pays for some twenty orders, so that funds run out now and then."""
LONGEST_WAIT = 90.0
SOONEST_AGAIN = 1.0
"""Seconds within which a wallet must accept an order after its client was killed, while other clients trade."""
SETTLED = 3.0
"""Seconds after which every client is connected to the database again."""


@dataclass(frozen=True)
class Plan:
    """The minimum amount of work of a run."""

    orders: int
    kills: int
    outages: int
    seed: int


class Wait(NamedTuple):
    """Seconds without an accepted order after a kill, and the orders that other wallets accepted meanwhile."""

    seconds: float
    wallet: str
    others: int

    @property
    def blocked(self) -> bool:
        """Return whether only this wallet was blocked, and not the whole machine."""
        return self.seconds > SOONEST_AGAIN and self.others > 4 * SLOTS


class FailedError(Exception):
    """The run cannot go on."""


class Soak:
    """One run: its threads, and what they count together."""

    def __init__(self, plan: Plan, server: DurableServer) -> None:
        self.plan = plan
        self.server = server
        self.records = [Record() for _ in range(SLOTS)]
        self.kills = 0
        self.outages = 0
        self.accepted = 0
        self.again: list[tuple[float, str]] = []
        """When a client was killed, and the wallet it had traded last."""
        self.taken: list[tuple[float, str]] = []
        """When a wallet took an order."""
        self.failure: str | None = None
        self._lock = threading.Lock()
        self._settled = 0.0
        self._progress = threading.Condition(self._lock)
        self._receipts: SimpleQueue[Receipt] = SimpleQueue()

    def run(self, checker: Connection, proxied_url: str) -> None:
        """Trade and kill clients until the plan is fulfilled."""
        threads = [threading.Thread(target=self._guarded, args=(self._break_database,))]
        for slot in range(SLOTS):
            url = proxied_url if slot < THROUGH_PROXY else self.server.url
            threads.append(threading.Thread(target=self._guarded, args=(self._hold, slot, url)))
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads) or not self._receipts.empty():
                while not self._receipts.empty():
                    checker.send(self._receipts.get())
                if checker.poll(0.1):
                    self._fail(f"the checker: {checker.recv().fault}")
                    break
        except BaseException as error:
            self._fail(repr(error))
            raise
        finally:
            for thread in threads:
                thread.join()
        if self.failure is not None:
            raise FailedError(self.failure)

    def _guarded(self, work: Any, *arguments: object) -> None:
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001  whatever it is, it ends the run
            self._fail(f"{work.__name__}{arguments}: {error!r}")

    def _fail(self, why: str) -> None:
        with self._progress:
            self.failure = self.failure or why
            self._progress.notify_all()

    @property
    def _over(self) -> bool:
        plan = self.plan
        done = self.accepted >= plan.orders and self.kills >= plan.kills and self.outages >= plan.outages
        return done or self.failure is not None

    def _hold(self, slot: int, url: str) -> None:
        """Keep a client trading in a slot: kill it again and again and let the next one take over."""
        chance = random.Random(f"{self.plan.seed}/slot/{slot}")
        record, first = self.records[slot], 0
        usual = max(1, 2 * self.plan.orders // max(1, self.plan.kills))
        with asyncio.Runner() as runner:
            database = connect(self.server.url, DATABASE)
            connector = WalletConnector(database)
            while not self._over:
                client = KillableProcess(trade, Duty(url, DATABASE, self.plan.seed, slot, first))
                try:
                    self._listen(slot, client, chance.randint(1, usual))
                    time.sleep(chance.uniform(0, 0.03))
                finally:
                    for report in client.end():
                        self._note(slot, report)
                with self._lock:
                    self.kills += 1
                first = record.next_number(order_of(self.plan.seed, slot, record.newest).client_order_id is not None)
                if chance.random() < 0.5:
                    runner.run(self._order_after_kill(connector, slot, wallet_of(self.plan.seed, slot, record.newest)))
            runner.run(database.client.close())

    def _listen(self, slot: int, client: KillableProcess, answers: int) -> None:
        """Take reports until this number of orders was answered."""
        while answers and not self._over:
            if not client.reports.poll(LONGEST_WAIT):
                raise FailedError(f"slot {slot}: nothing happened for {LONGEST_WAIT} s")
            report = client.reports.recv()
            answers -= isinstance(report, Answered)
            self._note(slot, report)

    def _note(self, slot: int, report: Asked | Answered) -> None:
        record = self.records[slot]
        if isinstance(report, Asked):
            record.ask(report.number)
            return
        record.answer(report)
        if report.outcome == "accepted":
            order = order_of(self.plan.seed, slot, report.number)
            # A limit order that was asked about again may have filled on.
            quote = report.filled_quote if order.type is OrderType.MARKET else None
            wallet = wallet_of(self.plan.seed, slot, report.number)
            self._hand_in(Receipt(wallet, f"{slot}-{report.number}", report.order_id, quote))

    def _hand_in(self, receipt: Receipt) -> None:
        self._receipts.put(receipt)
        self.taken.append((time.monotonic(), receipt.wallet))
        with self._progress:
            self.accepted += not receipt.name.startswith("after")
            self._progress.notify_all()

    async def _order_after_kill(self, connector: WalletConnector, slot: int, wallet: str) -> None:
        """Send an order to the wallet whose client was just killed."""
        name, outages = f"after-{slot}-{len(self.records[slot].extra)}", self.outages
        order = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.001"), metadata={"name": name})
        self.records[slot].extra[name] = wallet
        started = time.monotonic()
        try:
            opened: DemoWallet = await connector.connect_demo(OWNER, wallet)
            made = await opened.orders.submit(order)
        except WalletError as error:
            if error.code == "TEMPORARILY_UNAVAILABLE":
                return
        except PyMongoError as error:
            if not is_interrupted(error):
                raise
            return
        else:
            self._hand_in(Receipt(wallet, name, made.order_id, plain(made.filled_quote)))
            if started > self._settled and outages == self.outages:
                self.again.append((started, wallet))

    def waited(self, kill: tuple[float, str]) -> Wait:
        """Return how long the wallet of a killed client accepted no order from any client."""
        at, wallet = kill
        until = min(taken for taken, taker in self.taken if taker == wallet and taken > at)
        return Wait(until - at, wallet, sum(at < taken < until for taken, _ in self.taken))

    def _break_database(self) -> None:
        chance = random.Random(f"{self.plan.seed}/database")
        for number in range(1, self.plan.outages + 1):
            due = self.plan.orders * number // (self.plan.outages + 1)
            with self._progress:
                self._progress.wait_for(lambda due=due: self.accepted >= due or self.failure is not None)  # type: ignore[misc]
            if self.failure is not None:
                return
            time.sleep(chance.uniform(0, 0.1))
            self.outages += 1
            self._settled = math.inf
            self.server.kill()
            time.sleep(chance.uniform(0, 0.3))
            self.server.start()
            self._settled = time.monotonic() + SETTLED


@contextmanager
def proxy_before(url: str, seed: int) -> Iterator[tuple[FaultProxy, str]]:
    """Run the proxy in a thread of its own."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    made: list[tuple[FaultProxy, str]] = []
    done = asyncio.Event()

    async def work() -> None:
        async with fault_proxy(url, by_chance(seed, HARMED)) as proxy:
            made.append(proxy)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(work(),))
    thread.start()
    ready.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


async def prepare(url: str) -> None:
    """Open the wallets."""
    database = connect(url, DATABASE)
    await ensure_indexes(database)
    fee = Decimal("0.1")
    for name in names(SLOTS):
        cash = CASH if name.startswith("own") else CASH * 2
        await DemoWallet("demo", name, {}, {"db": database}).open_account(
            AccountTerms(OWNER, cash, "USDT", fee, fee, Decimal(5))
        )
    await database.client.close()


def soak(plan: Plan, path: Path) -> list[tuple[str, object]]:
    """Run it and return what happened, or raise FailedError or AssertionError."""
    began = time.monotonic()
    server = DurableServer(path / "data")
    server.start()
    with ExitStack() as stack:
        stack.callback(lambda: (path / "server.log").write_text("".join(server.log)))
        stack.callback(server.kill)
        asyncio.run(prepare(server.url))
        proxy, proxied_url = stack.enter_context(proxy_before(server.url, plan.seed))
        ours, theirs = prepared.Pipe()
        checker = prepared.Process(target=check, args=(server.url, DATABASE, list(names(SLOTS)), theirs), daemon=True)
        checker.start()
        stack.callback(checker.kill)
        run = Soak(plan, server)
        run.run(ours, proxied_url)
        traded = time.monotonic() - began
        ours.send(Stop())
        seen: Seen = ours.recv()
        if seen.fault is not None:
            raise FailedError(f"the checker: {seen.fault}")
        found = asyncio.run(verdict(connect(server.url, DATABASE), plan.seed, run.records, list(names(SLOTS))))
    waits = sorted(map(run.waited, run.again)) or [Wait(0, "nobody", 0)]
    slowest = waits[-1]
    outcomes = Counter(answer.outcome for record in run.records for answer in record.answers.values())
    for wait in waits:
        if wait.blocked:
            raise FailedError(f"after its client was killed: {wait}")
    return [
        ("seed", plan.seed),
        ("orders answered", sum(outcomes.values())),
        *((f"  {name}", count) for name, count in outcomes.most_common()),
        ("orders after a kill", len(run.again)),
        ("  median", f"{waits[len(waits) // 2].seconds:.3f} s"),
        ("  slowest", f"{slowest.seconds:.3f} s on {slowest.wallet}, others took {slowest.others} orders meanwhile"),
        ("client kills", run.kills),
        ("database kills", run.outages),
        ("  faults inside the embedded server", sum("internal error" in line for line in server.log)),
        ("commits harmed on the wire", sum(proxy.done.values())),
        ("journal entries", found),
        (
            "live checks",
            f"{seen.rounds} rounds, {seen.replays} replays of {seen.entries} entries, {seen.receipts} receipts",
        ),
        ("seconds", f"{traded:.0f} trading, {time.monotonic() - began:.0f} in all"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=1000, help="accepted ones, at least")
    parser.add_argument("--kills", type=int, default=100, help="of clients, at least")
    parser.add_argument("--outages", type=int, default=5, help="kills of the database")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run of this seed")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    plan = Plan(given.orders, given.kills, given.outages, seed)
    # A run that hangs says where.
    faulthandler.dump_traceback_later(300 + given.orders, exit=True)
    print(f"{plan}; repeat with --seed {seed}", flush=True)
    path = Path(tempfile.mkdtemp(prefix="moniqo-soak-"))
    try:
        rows = soak(plan, path)
    except (FailedError, AssertionError) as error:
        print(f"FAILED with seed {seed}: {error}\nThe database is left in {path}", file=sys.stderr)
        return 1
    shutil.rmtree(path)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    print("No order was lost or doubled, and no wallet overspent. Every journal replays to its state.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
