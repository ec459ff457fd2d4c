"""Live orders with lost responses and killed senders: ``python -m tests.soak.venue_orders``.

In each slot a process sends the numbered orders of a wallet until it is killed. The next process sends the unanswered
orders again. The venue answers some orders with a server error or not at all, some of them after accepting the order.
It also has some senders killed while it processes their order. Others are killed at any time. A reconciler runs all
the while. At the end every intent must match at most one venue order, and its record must agree.

The seed determines the fault of the nth order of a wallet. The timing is random.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from moniqo_core.services.orders.live.scheduled_reconciliation import OrderReconciliation
from moniqo_core.storage.client import connect
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.wallets.definition_seeds import seed_definitions
from tests.support.killable_process import KillableProcess
from tests.support.live_traders import SLUG, Answered, Asked, Duty, LiveSite, later, make_wallet, order_of, send_orders
from tests.support.mongo import embedded_server
from tests.support.venues.binance import FakeBinance
from tests.support.venues.server import Fault

SLOTS = 4
HARM = (
    (0.06, Fault("status", status=502, after=True)),
    (0.04, Fault("status", status=500)),
    (0.06, Fault("drop", after=True)),
    (0.04, Fault("drop")),
    (0.03, Fault("malformed", after=True)),
)
"""Shares of the orders that meet each fault."""
KILLED = 0.05
"""Share of the orders whose sender is killed during the request: half of them after the venue accepted the order."""
KILLED_ANYWHERE = 0.05
LOOKS_HARMED = 0.03
ROUNDS = 40


class FailedError(Exception):
    """A check failed."""


@dataclass
class Slot:
    """The sender of one wallet, and what it has reported."""

    wallet: str
    key: str
    victim: KillableProcess | None = None
    seen: int = 0
    newest: int = 0
    answers: dict[int, Answered] = field(default_factory=dict)
    kills: int = 0


class Run:
    """One run: its venue, its slots, and what was counted."""

    def __init__(self, site: LiveSite, venue: FakeBinance, orders: int, seed: int) -> None:
        self.site = site
        self.venue = venue
        self.each = orders // SLOTS
        self.seed = seed
        self.harmed: Counter[str] = Counter()
        self.slots: dict[str, Slot] = {}
        self.queried = 0
        self._over = threading.Event()

    async def prepare(self) -> None:
        """Make the database, and one wallet per slot."""
        database = connect(self.site.mongo_url, self.site.database)
        await ensure_indexes(database)
        await seed_definitions(database)
        config = {"base_url": self.venue.url, "rate_limits": {"requests_per_second": 10000}}
        await database.wallets.update_one({"slug": SLUG}, {"$set": {"api_config": config}})
        await database.client.close()
        for number in range(SLOTS):
            given = self.venue.credentials(balances={"USDT": "1000000", "BTC": "100"})
            slot = Slot(f"wallet-{self.seed}-{number}", given["api_key"])
            await make_wallet(self.site, slot.wallet, given)
            self.slots[slot.key] = slot

    def trouble(self, request: web.Request, key: str | None) -> Fault | None:
        """Choose the fault of a request. The venue calls this for every request."""
        slot = self.slots.get(key or "")
        if slot is None:
            return None
        slot.seen += 1
        chance = random.Random(f"{self.seed}/{slot.wallet}/{slot.seen}")
        if request.method != "POST":
            return Fault("status", status=500) if chance.random() < LOOKS_HARMED else None
        drawn = chance.random()
        for share, fault in HARM:
            if drawn < share:
                self.harmed[f"{fault.kind} {'after' if fault.after else 'before'}"] += 1
                return Fault(fault.kind, status=fault.status, after=fault.after)
            drawn -= share
        if drawn < KILLED:
            after = drawn < KILLED / 2
            self.harmed[f"killed {'after' if after else 'before'}"] += 1
            self._kill(slot)
            return Fault("drop", after=after)
        return None

    def _kill(self, slot: Slot) -> None:
        if slot.victim is not None:
            slot.victim.kill()
            slot.kills += 1

    def trade(self) -> None:
        """Send every order, and reconcile meanwhile."""
        self.venue.trouble = self.trouble
        threads = [threading.Thread(target=self._hold, args=(slot,)) for slot in self.slots.values()]
        reconciler = threading.Thread(target=lambda: asyncio.run(self._reconcile_meanwhile()))
        for thread in (*threads, reconciler):
            thread.start()
        for thread in threads:
            thread.join()
        self._over.set()
        reconciler.join()

    def _hold(self, slot: Slot) -> None:
        first = 1
        while first <= self.each:
            slot.victim = KillableProcess(send_orders, Duty(self.site, slot.wallet, self.seed, first, self.each))
            self._listen(slot)
            for report in slot.victim.end():
                self._note(slot, report)
            slot.victim = None
            # Orders with a client order id are sent again, as a client does that got no answer.
            again = slot.newest in slot.answers or order_of(self.seed, slot.wallet, slot.newest).client_order_id is None
            first = slot.newest + 1 if again else max(slot.newest, 1)

    def _listen(self, slot: Slot) -> None:
        assert slot.victim is not None
        while True:
            try:
                report = slot.victim.reports.recv()
            except (EOFError, OSError):
                return
            self._note(slot, report)
            chance = random.Random(f"kill/{self.seed}/{slot.wallet}/{slot.newest}/{slot.kills}")
            if isinstance(report, Asked) and chance.random() < KILLED_ANYWHERE:
                time.sleep(chance.uniform(0, 0.05))
                self.harmed["killed anywhere"] += 1
                self._kill(slot)

    def _note(self, slot: Slot, report: Asked | Answered) -> None:
        if isinstance(report, Asked):
            slot.newest = report.number
        else:
            slot.answers[report.number] = report

    async def _reconcile_meanwhile(self) -> None:
        database, connector = self.site.open()
        while not self._over.is_set():
            self.queried += (
                await OrderReconciliation(database, connector, later(timedelta(seconds=20))).reconcile(10)
            ).queried
            await asyncio.sleep(0.2)
        await connector.close()
        await database.client.close()

    async def reconcile(self) -> None:
        """Reconcile as hours pass, until only open orders are left."""
        database, connector = self.site.open()
        try:
            for hours in range(1, ROUNDS):
                # Two at once, as when the schedule fires twice.
                looks = [
                    OrderReconciliation(database, connector, later(timedelta(hours=hours))).reconcile()
                    for _ in range(2)
                ]
                self.queried += sum(done.queried for done in await asyncio.gather(*looks))
                if not await database.orders.count_documents({"status": {"$in": ["pending", "unknown"]}}):
                    break
            self.venue.mend()
            await OrderReconciliation(database, connector, later(timedelta(hours=ROUNDS))).reconcile()
        finally:
            await connector.close()
            await database.client.close()

    async def verify(self) -> Counter[str]:
        """Compare every record with the venue, or raise FailedError."""
        database = connect(self.site.mongo_url, self.site.database)
        records = await database.orders.find().to_list()
        fills = await database.order_fills.find().to_list()
        await database.client.close()
        for slot in self.slots.values():
            mine = [record for record in records if record["user_wallet_id"] == slot.wallet]
            self._compare(slot, mine, fills)
        answered = sum(len(slot.answers) for slot in self.slots.values())
        _require(answered >= SLOTS * self.each * 0.7, "most orders were never answered")
        return Counter(record["status"] for record in records)

    def _compare(self, slot: Slot, records: list[dict[str, Any]], fills: list[dict[str, Any]]) -> None:
        at_venue = list(self.venue.exchange.accounts[slot.key].orders.values())
        twice = [name for name, times in Counter(order.client_id for order in at_venue).items() if times > 1]
        _require(not twice, f"sent twice: {twice}")
        placed = {record["venue_order_id"]: record for record in records if record["status"] != "rejected"}
        _require(None not in placed, "an order is neither known nor rejected")
        _require(placed.keys() == {order.id for order in at_venue}, f"{slot.wallet}: records and venue differ")
        known = {order.client_id for order in at_venue}
        for record in records:
            if record["status"] == "rejected" and record["holds_client_id"]:
                _require(record["venue_client_id"] not in known, f"{record['_id']} is rejected and at the venue")
        for order in at_venue:
            record = placed[order.id]
            ours = {"partially_filled": "open"}.get(record["status"], record["status"])
            theirs = "cancelled" if order.status == "expired" else order.status
            _require(ours == theirs, f"{record['_id']} is {record['status']}, at the venue {order.status}")
            _require(record["filled_amount"] == _plain(order.filled), f"{record['_id']}: filled amounts differ")
            kept = sorted(
                fill["amount"]
                for fill in fills
                if fill["user_wallet_id"] == slot.wallet and fill["seq"] == record["seq"]
            )
            _require(kept == sorted(_plain(fill.amount) for fill in order.fills), f"{record['_id']}: fills differ")
        numbers = Counter(record.get("client_order_id") for record in records if record["holds_client_id"])
        _require(all(times == 1 for name, times in numbers.items() if name is not None), "an id has two orders")
        for answer in slot.answers.values():
            if answer.order_id:
                told = next(record for record in records if f"o-{record['seq']}-1" == answer.order_id)
                gone = told["status"] == "rejected" and answer.outcome not in {"unknown", "rejected", "pending"}
                _require(not gone, f"{told['_id']} was answered {answer.outcome} and is rejected")


def _plain(value: Any) -> str:
    from moniqo_core.domain.money import plain

    return plain(value)


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise FailedError(why)


def run(orders: int, seed: int, mongo_url: str) -> list[tuple[str, object]]:
    """Run once. Return what was counted, raises FailedError."""
    site = LiveSite(mongo_url, f"venue_orders_{secrets.token_hex(6)}", secrets.token_bytes(32))
    with FakeBinance() as venue:
        trial = Run(site, venue, orders, seed)
        asyncio.run(trial.prepare())
        started = time.monotonic()
        trial.trade()
        asyncio.run(trial.reconcile())
        statuses = asyncio.run(trial.verify())
        asyncio.run(_drop(site))
    return [
        ("orders asked", SLOTS * trial.each),
        *((f"harmed: {name}", times) for name, times in sorted(trial.harmed.items())),
        ("processes killed", sum(slot.kills for slot in trial.slots.values())),
        ("orders reconciled", trial.queried),
        *((f"records {name}", times) for name, times in sorted(statuses.items())),
        ("seconds", round(time.monotonic() - started, 1)),
    ]


async def _drop(site: LiveSite) -> None:
    database = connect(site.mongo_url, site.database)
    await database.client.drop_database(site.database)
    await database.client.close()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"{options.orders} orders; repeat with --seed {options.seed}", flush=True)
    with embedded_server() as url:
        try:
            counted = run(options.orders, options.seed, url)
        except FailedError as error:
            print(f"FAILED with seed {options.seed}: {error}", file=sys.stderr)
            return 1
    for name, value in counted:
        print(f"{name:<28}{value}")
    print("Every intent matches at most one venue order, and its record agrees.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
