"""The checker of the wire soak: a process that verifies every wallet repeatedly while other processes trade."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from moniqo_core.storage.client import connect
from moniqo_core.storage.paper.snapshots import ENTRIES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.soak.client import is_interrupted
from tests.support.killable_process import follow_parent

PAUSE = 0.5


class Receipt(NamedTuple):
    """An order that was reported as accepted. ``filled_quote`` is None where it may have changed since."""

    wallet: str
    name: str
    order_id: str
    filled_quote: str | None


class Stop(NamedTuple):
    """Check once more and end."""


@dataclass
class Seen:
    """What the checker found so far. ``fault`` is None when everything is consistent."""

    rounds: int = 0
    replays: int = 0
    entries: int = 0
    receipts: int = 0
    fault: str | None = None


class FaultError(Exception):
    """The ledger is inconsistent."""


@dataclass
class _Wallet:
    """One wallet as read so far: its newest entry, and the client order id and quote of each order."""

    last_seq: int = 0
    last_commit: str = ""
    orders: dict[str, tuple[str, str]] = field(default_factory=dict)


def check(url: str, database: str, wallets: Sequence[str], pipe: Connection) -> None:
    """Check until told to stop or until a fault is found, then send the result."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
    os.nice(5)
    checker = Checker(connect(url, database), wallets, pipe)
    asyncio.run(checker.work())
    pipe.send(checker.seen)


class Checker:
    """Reads journals as they grow and replays them from the first entry."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], wallets: Sequence[str], pipe: Connection) -> None:
        self.seen = Seen()
        self._database = database
        self._pipe = pipe
        self._wallets = {name: _Wallet() for name in wallets}
        self._names: dict[str, str] = {}
        self._receipts: list[Receipt] = []

    async def work(self) -> None:
        try:
            stopped = False
            while not stopped:
                stopped = self._read_pipe()
                await self._insistently()
        except FaultError as fault:
            self.seen.fault = str(fault)
        finally:
            await self._database.client.close()

    def _read_pipe(self) -> bool:
        """Read the pipe for a while, to leave time for other processes. Returns whether this is the last check."""
        waited = PAUSE
        while self._pipe.poll(waited):
            message = self._pipe.recv()
            if isinstance(message, Stop):
                return True
            self._receipts.append(message)
            waited = 0
        return False

    async def _insistently(self) -> None:
        """Check once, and retry through database outages."""
        while True:
            try:
                await self._look()
            except PyMongoError as error:
                if not is_interrupted(error):
                    raise
                await asyncio.sleep(0.1)
            else:
                self.seen.rounds += 1
                return

    async def _look(self) -> None:
        replay = WalletReplay(self._database, await simulation_seed(self._database))
        for name, wallet in self._wallets.items():
            await self._read_on(name, wallet)
        while self._receipts:
            self._compare(self._receipts[-1])
            self._receipts.pop()
        for name in self._wallets:
            found = await replay.run(name)
            if found is None or found.difference is not None:
                raise FaultError(f"replay of {name}: {found and found.difference}")
            self.seen.replays += 1
            self.seen.entries += found.entries

    async def _read_on(self, name: str, wallet: _Wallet) -> None:
        """Read the new entries, starting with the newest known entry, which must still exist."""
        query = {"user_wallet_id": name, "seq": {"$gte": wallet.last_seq}}
        fields = {"seq": 1, "commit_id": 1, "kind": 1, "command.metadata": 1, "orders": 1}
        entries = await self._database[ENTRIES].find(query, fields).sort("seq", 1).to_list()
        if wallet.last_seq and (not entries or entries[0]["commit_id"] != wallet.last_commit):
            raise FaultError(f"entry {wallet.last_seq} of {name} is gone or another")
        for entry in entries:
            if entry["seq"] > wallet.last_seq and entry["kind"] == "place":
                self._remember(name, wallet, entry)
        if entries:
            wallet.last_seq, wallet.last_commit = entries[-1]["seq"], entries[-1]["commit_id"]

    def _remember(self, name: str, wallet: _Wallet, entry: dict[str, Any]) -> None:
        order, order_name = entry["orders"][0], json.loads(entry["command"]["metadata"])["name"]
        place = f"{name} {order['order_id']}"
        if self._names.setdefault(order_name, place) != place:
            raise FaultError(f"order {order_name} was made twice: {self._names[order_name]} and {place}")
        wallet.orders[order["order_id"]] = (order_name, order["filled_quote"])

    def _compare(self, receipt: Receipt) -> None:
        found = self._wallets[receipt.wallet].orders.get(receipt.order_id)
        if found is None:
            raise FaultError(f"{receipt} was lost")
        if found[0] != receipt.name or receipt.filled_quote not in {None, found[1]}:
            raise FaultError(f"{receipt} is {found} in the journal")
        self.seen.receipts += 1
