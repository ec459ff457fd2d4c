"""An account for every wallet class, for the conformance suite: paper, and one at each fake venue."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core import event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, UserWallet, UserWalletStatus
from moniqo_core.services.orders.execution import OrderExecution
from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation
from moniqo_core.services.orders.live.execution import LiveExecution
from moniqo_core.services.orders.live.placing import LivePlacing
from moniqo_core.services.orders.paper import PaperExecution
from moniqo_core.services.shared.user_quotas import MINUTE, PerMinute
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.storage.live.lifecycle import LiveLifecycle
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.market.venue_markets import VenueMarketStore
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.storage.wallets.sync_log import SyncLogStore
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet
from moniqo_core.wallets.exchange.config import ExchangeConfig
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named

Database = AsyncDatabase[dict[str, Any]]

OWNER = "11111111-1111-4111-8111-111111111111"
PLENTY = RiskLimits(Decimal(10**9), Decimal(10**9), 100, daily_loss_limit_usd=Decimal(10**9))


@dataclass(frozen=True)
class Account:
    """An account: ``wallet`` makes another object for it, not initialised.

    ``execution`` opens it for the orders of the service, as the opener does. It is new, holds some of ``cash`` and
    nothing else, and trades ``symbol`` and ``another``. ``secrets`` are credentials that no output may contain.
    ``is_ours``: our books also keep metadata and our client ids, which a venue's books do not. ``history_by_symbol``:
    ended orders are listed for one symbol at a time.
    """

    wallet: Callable[[], BaseWallet]
    execution: Callable[[], AbstractAsyncContextManager[OrderExecution]]
    user_wallet_id: str
    symbol: str = "BTC/USDT"
    another: str = "ETH/USDT"
    cash: str = "USDT"
    secrets: tuple[str, ...] = ()
    is_ours: bool = False
    history_by_symbol: bool = False


OpenAccount = Callable[[], Account]


@contextmanager
def demo(database: Database) -> Iterator[OpenAccount]:
    """Paper accounts on the simulated market."""

    def open_account() -> Account:
        user_wallet_id = str(uuid.uuid4())
        credentials = {"initial_balance_usd": "10000.25"}

        def wallet() -> DemoWallet:
            return DemoWallet("demo-wallet-v1", user_wallet_id, credentials, {"db": database})

        @asynccontextmanager
        async def execution() -> AsyncIterator[OrderExecution]:
            async with wallet() as opened:
                yield PaperExecution(opened, opened.orders)

        return Account(
            wallet,
            execution,
            user_wallet_id,
            secrets=("10000.25",),
            is_ours=True,
        )

    yield open_account


@contextmanager
def at_venue(name: str, database: Database) -> Iterator[OpenAccount]:
    """Accounts at the fake of a venue, through CCXT, for its first two markets."""
    venue = venue_named(name)
    with FAKES[name]() as fake:
        symbol, another, *_ = fake.exchange.listed
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(venue, config, VenueMarketStore(database), allow_loopback=True)

        def open_account() -> Account:
            user_wallet_id = str(uuid.uuid4())
            credentials = fake.credentials()

            @asynccontextmanager
            async def execution() -> AsyncIterator[OrderExecution]:
                stored = await _stored(database, user_wallet_id, venue)
                config = ExchangeConfig(connection, record=partial(LiveLifecycle(database).record, stored))
                async with ExchangeWallet(venue.exchange, user_wallet_id, credentials, config) as opened:
                    yield LiveExecution(opened, _placing(database))

            return Account(
                lambda: ExchangeWallet(venue.exchange, user_wallet_id, credentials, {"connection": connection}),
                execution,
                user_wallet_id,
                secrets=tuple(credentials.values()),
                symbol=symbol,
                another=another,
                cash=symbol.partition("/")[2],
                history_by_symbol=venue.history_by_symbol,
            )

        try:
            yield open_account
        finally:
            event_loop.run(connection.close())


async def _stored(database: Database, user_wallet_id: str, venue: Venue) -> UserWallet:
    """Store the document of a live wallet unless it is there."""
    store = UserWalletStore(database)
    found = await store.find_including_deleted(OWNER, user_wallet_id)
    if found is None:
        now = utc_now()
        found = UserWallet(
            id=user_wallet_id,
            user_id=OWNER,
            wallet_id=venue.exchange,
            wallet_name=venue.name,
            wallet_slug=venue.exchange,
            custom_name="mine",
            risk_limits=PLENTY,
            created_at=now,
            updated_at=now,
            is_demo=False,
            status=UserWalletStatus.ACTIVE,
            balance=BalanceSnapshot(now, (), Decimal(1)),
        )
        await store.insert(found)
    return found


def _placing(database: Database) -> LivePlacing:
    """Place orders as the service does, with a sync that runs for buy orders only."""
    connector = WalletConnector(database)
    nobody = PerMinute("syncs", 0, RateCounters(database, MINUTE))
    stop = BuyCancellation(database, connector)
    stores = UserWalletStore(database), DueWallets(database), SyncLogStore(database), SyncFindings(database)
    return LivePlacing(database, BalanceSync(*stores, connector, nobody, lambda: stop), live_trading=True)


VENUES: Mapping[str, Callable[[Database], AbstractContextManager[OpenAccount]]] = {
    "demo": demo,
    **{name: partial(at_venue, name) for name in FAKES},
}
