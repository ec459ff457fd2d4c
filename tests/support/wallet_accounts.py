"""An account for every wallet class, for the conformance suite. Add a new venue here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core import event_loop
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.storage.market.venue_markets import VenueMarkets
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.binance import Binance
from moniqo_core.venues.exchanges.coinbase import Coinbase
from moniqo_core.venues.exchanges.kraken import Kraken
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.demo.wallet import DemoWallet
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.support.venues.binance import FakeBinance
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue

Database = AsyncDatabase[dict[str, Any]]


@dataclass(frozen=True)
class Account:
    """An account: ``wallet`` makes another object for it, not initialised.

    It is new, holds some of ``cash`` and nothing else, and trades ``symbol`` and ``another``. ``secrets`` are
    credentials that nothing may show. ``is_ours``: the books keep what a venue's do not, metadata and our client ids.
    ``history_by_symbol``: ended orders are listed of one symbol at a time.
    """

    wallet: Callable[[], BaseWallet]
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
        return Account(
            lambda: DemoWallet("demo-wallet-v1", user_wallet_id, credentials, {"db": database}),
            user_wallet_id,
            secrets=("10000.25",),
            is_ours=True,
        )

    yield open_account


@contextmanager
def at_venue(venue: Venue, fake: FakeVenue, database: Database, **fields: Any) -> Iterator[OpenAccount]:
    """Accounts at a fake venue, through CCXT."""
    with fake:
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(venue, config, VenueMarkets(database), allow_loopback=True)

        def open_account() -> Account:
            user_wallet_id = str(uuid.uuid4())
            credentials = fake.credentials()
            return Account(
                lambda: ExchangeWallet(venue.exchange, user_wallet_id, credentials, {"connection": connection}),
                user_wallet_id,
                secrets=tuple(credentials.values()),
                history_by_symbol=venue.history_by_symbol,
                **fields,
            )

        try:
            yield open_account
        finally:
            event_loop.run(connection.close())


@contextmanager
def binance(database: Database) -> Iterator[OpenAccount]:
    """Accounts at the fake Binance."""
    with at_venue(Binance(), FakeBinance(), database) as opened:
        yield opened


@contextmanager
def coinbase(database: Database) -> Iterator[OpenAccount]:
    """Accounts at the fake Coinbase."""
    with at_venue(Coinbase(), FakeCoinbase(), database, symbol="BTC/USD", another="ETH/USD", cash="USD") as opened:
        yield opened


@contextmanager
def kraken(database: Database) -> Iterator[OpenAccount]:
    """Accounts at the fake Kraken."""
    with at_venue(Kraken(), FakeKraken(), database, symbol="BTC/USD", another="ETH/USD", cash="USD") as opened:
        yield opened


VENUES: Mapping[str, Callable[[Database], AbstractContextManager[OpenAccount]]] = {
    "demo": demo,
    "binance": binance,
    "coinbase": coinbase,
    "kraken": kraken,
}
