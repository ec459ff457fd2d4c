"""Processes that send live orders, as Lambda environments do, and the wallets they trade."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring import Key, KeyRing
from moniqo_core.credentials.key_source import FixedKeys
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, UserWallet, UserWalletStatus
from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation
from moniqo_core.services.orders.live.execution import LiveExecution
from moniqo_core.services.orders.live.placing import LivePlacing
from moniqo_core.services.shared.user_quotas import MINUTE, PerMinute
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.storage.client import connect
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.storage.wallets.sync_log import SyncLogStore
from moniqo_core.storage.wallets.user_wallet_codec import user_wallet_document
from moniqo_core.venues.ccxt.loading import exchange_class
from moniqo_core.wallets.connector import WalletConnector

exchange_class("binance")  # these modules are loaded once, for all processes that are forked

OWNER = "11111111-1111-4111-8111-111111111111"
SLUG = "binance-spot-v1"
PLENTY = RiskLimits(Decimal(10**9), Decimal(10**9), 100, daily_loss_limit_usd=Decimal(10**9))
NAMED_SHARE = 0.8


@dataclass(frozen=True)
class LiveSite:
    """The database and venue to trade at. Every process opens the same wallets with its own connections."""

    mongo_url: str
    database: str
    material: bytes

    @property
    def cipher(self) -> CredentialCipher:
        long_ago = utc_now() - timedelta(days=1)
        return CredentialCipher(FixedKeys(KeyRing({"k": Key("k", self.material, long_ago)}), utc_now()))

    def open(self) -> tuple[AsyncDatabase[dict[str, Any]], WalletConnector]:
        database = connect(self.mongo_url, self.database)
        return database, WalletConnector(database, utc_now, lambda: self.cipher, allow_loopback=True)

    def placing(
        self, database: AsyncDatabase[dict[str, Any]], connector: WalletConnector, now: Clock = utc_now
    ) -> LivePlacing:
        nobody = PerMinute("syncs", 0, RateCounters(database, MINUTE))
        stop = BuyCancellation(database, connector)
        wallets, due, rows = UserWalletStore(database), DueWallets(database), SyncLogStore(database)
        sync = BalanceSync(wallets, due, rows, SyncFindings(database), connector, nobody, lambda: stop, now)
        return LivePlacing(database, sync, live_trading=True, now=now)


async def make_wallet(
    site: LiveSite, name: str, credentials: dict[str, str], limits: RiskLimits = PLENTY, total: Decimal = Decimal(1)
) -> None:
    """Store a wallet at the fake venue that was already synced once."""
    database, _ = site.open()
    definition = await database.wallets.find_one({"slug": SLUG})
    assert definition is not None
    now = utc_now()
    secrets = {name: SecretStr(value) for name, value in credentials.items()}
    wallet = UserWallet(
        id=name,
        user_id=OWNER,
        wallet_id=definition["_id"],
        wallet_name="Binance",
        wallet_slug=SLUG,
        custom_name=name,
        risk_limits=limits,
        created_at=now,
        updated_at=now,
        is_demo=False,
        status=UserWalletStatus.ACTIVE,
        credentials=await site.cipher.encrypt(secrets, OWNER, name),
        balance=BalanceSnapshot(now, (), total),
    )
    await database.user_wallets.insert_one(user_wallet_document(wallet))
    await database.client.close()


class _DiesAt:
    """Awaits a coroutine, and kills this process at its await number ``at``."""

    def __init__(self, work: Coroutine[Any, Any, object], at: int) -> None:
        self._work = work
        self._at = at

    def __await__(self) -> Generator[Any, Any, None]:
        running = self._work.__await__()
        for number in count():
            try:
                waited = running.send(None)
            except StopIteration:
                return
            if number == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
            yield waited


def place_until_killed(site: LiveSite, wallet: str, order: OrderRequest, at: int) -> None:
    """Place an order in this process, which is killed at await number ``at`` if there are so many."""

    async def place() -> None:
        database, connector = site.open()
        placing = site.placing(database, connector)

        async def whole() -> None:
            found = await placing.read_state(wallet, order.client_order_id)
            account = await connector.open_live(found.state.wallet)
            await LiveExecution(account, placing, found).place(order)

        await _DiesAt(whole(), at)
        await connector.close()
        await database.client.close()

    asyncio.run(place())


class Asked(NamedTuple):
    """An order is about to be sent."""

    number: int


class Answered(NamedTuple):
    """The outcome of an order: its status, or the code of a refusal."""

    number: int
    outcome: str
    order_id: str = ""


@dataclass(frozen=True)
class Duty:
    """Send the orders of ``wallet`` from number ``first`` on, up to ``last``."""

    site: LiveSite
    wallet: str
    seed: int
    first: int
    last: int


def order_of(seed: int, wallet: str, number: int) -> OrderRequest:
    """Order ``number`` of a wallet, the same whichever process sends it."""
    chance = random.Random(f"{seed}/{wallet}/{number}")
    side = chance.choice((OrderSide.BUY, OrderSide.SELL))
    kind = chance.choice(("market", "resting", "at once", "crossing"))
    named = f"{number}" if chance.random() < NAMED_SHARE else None
    amount = Decimal(chance.randrange(20, 60)).scaleb(-5)
    if kind == "market":
        return OrderRequest("BTC/USDT", side, OrderType.MARKET, amount, client_order_id=named)
    far, crossing = chance.randrange(1, 10_000), 1 if kind == "crossing" else -1
    price = 50_000 - far * crossing * (1 if side is OrderSide.SELL else -1)
    force = TimeInForce.IOC if kind == "at once" else TimeInForce.GTC
    return OrderRequest(
        "BTC/USDT", side, OrderType.LIMIT, amount, price=Decimal(price), time_in_force=force, client_order_id=named
    )


def send_orders(duty: Duty, reports: Connection) -> None:
    """Send one order after the other and report each, before and after."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_send(duty, reports))


async def _send(duty: Duty, reports: Connection) -> None:
    database, connector = duty.site.open()
    placing = duty.site.placing(database, connector)
    for number in count(duty.first):
        if number > duty.last:
            break
        order = order_of(duty.seed, duty.wallet, number)
        reports.send(Asked(number))
        while True:
            try:
                record = await LiveExecution(await connector.connect_live(OWNER, duty.wallet), placing).place(order)
            except WalletError as error:
                if error.retryable:  # no order was placed: the venue was unavailable, or a race was lost
                    await asyncio.sleep(0.05)
                    continue
                reports.send(Answered(number, error.code))
            else:
                reports.send(Answered(number, record.status.value, record.order_id))
            break
    await connector.close()
    await database.client.close()


def send_all_at_once(
    site: LiveSite, wallet: str, orders: Sequence[OrderRequest], barrier: Any, results: Connection
) -> None:
    """Send all these orders at the same moment and report the codes of what was refused."""

    async def work() -> list[str]:
        database, connector = site.open()
        opened = await connector.connect_live(OWNER, wallet)
        await opened.get_markets()
        placing = site.placing(database, connector)

        async def one(order: OrderRequest) -> str:
            try:
                return (await LiveExecution(opened, placing).place(order)).status.value
            except WalletError as error:
                return error.code

        barrier.wait()
        done = await asyncio.gather(*(one(order) for order in orders))
        await connector.close()
        await database.client.close()
        return done

    results.send(asyncio.run(work()))


def later(by: timedelta) -> Clock:
    """Return a clock that is ahead of the present."""

    def clock() -> datetime:
        return utc_now() + by

    return clock
