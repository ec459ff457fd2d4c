"""How often stored credentials are decrypted when a live wallet is tested or resumed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus
from moniqo_core.services.orders.live import buy_cancellation
from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation
from moniqo_core.services.shared.user_quotas import MINUTE, PerMinute
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.connection import WalletConnection
from moniqo_core.services.wallets.pause_and_suspend import WalletLifecycle
from moniqo_core.services.wallets.requests import Pause
from moniqo_core.services.wallets.resume_checks import Resuming
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.ciphertexts import CiphertextStore
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.due_wallets import DueWallets
from moniqo_core.storage.wallets.sync_log import SyncLogStore
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from moniqo_core.wallets.connector import WalletConnector
from tests.conftest import Database, Run
from tests.support.live_traders import OWNER, LiveSite, make_wallet
from tests.support.venues.binance import FakeBinance
from tests.support.watched_keys import WatchedKeys

WALLET = "live-wallet"


class Services:
    """The services that test and resume wallets, with a key source that counts."""

    def __init__(self, site: LiveSite, database: Database) -> None:
        self.database = database
        self.keys = WatchedKeys(site.material)
        cipher = CredentialCipher(self.keys)
        self.connector = connector = WalletConnector(database, utc_now, lambda: cipher, allow_loopback=True)
        wallets = UserWalletStore(database)
        definitions = DefinitionStore(database)
        fingerprints = AccountFingerprints(VenueAccounts(database), definitions, cipher)
        self.connection = WalletConnection(
            definitions, wallets, CiphertextStore(database), connector, cipher, fingerprints
        )
        stop, no_limit = BuyCancellation(database, connector), PerMinute("syncs", 0, RateCounters(database, MINUTE))
        due, rows = DueWallets(database), SyncLogStore(database)
        sync = BalanceSync(wallets, due, rows, SyncFindings(database), connector, no_limit, lambda: stop)
        self.stop = stop
        self.resuming = Resuming(self.connection, sync, stop)
        self.lifecycle = WalletLifecycle(wallets, connector)


@pytest.fixture
def services(seeded: Database, mongo_url: str, run: Run) -> Iterator[Services]:
    with FakeBinance() as venue:
        address = {"$set": {"api_config.base_url": venue.url}}
        run(seeded.wallets.update_one({"slug": "binance-spot-v1"}, address))
        site = LiveSite(mongo_url, seeded.name, secrets.token_bytes(32))
        run(make_wallet(site, WALLET, venue.credentials()))
        made = Services(site, seeded)
        yield made
        run(made.connector.close())


def test_testing_a_connection_decrypts_credentials_once(services: Services, run: Run) -> None:
    assert run(services.connection.test(OWNER, WALLET)).success

    assert services.keys.requests == 1


def test_resuming_decrypts_credentials_once(services: Services, run: Run) -> None:
    run(services.lifecycle.pause(OWNER, WALLET, Pause(keep_orders=True), services.stop))
    resumed = run(services.lifecycle.resume(OWNER, WALLET, services.resuming))

    assert resumed.status is UserWalletStatus.ACTIVE
    assert services.keys.requests == 1


def test_key_store_that_does_not_answer_is_asked_once_for_many_wallets(services: Services, run: Run) -> None:
    async def silence() -> None:
        raise TemporarilyUnavailableError("The key store did not answer in time.")

    keys = WatchedKeys(secrets.token_bytes(32), silence)
    connector = WalletConnector(services.database, utc_now, lambda: CredentialCipher(keys), allow_loopback=True)

    async def refused() -> list[str]:
        wallet = await UserWalletStore(services.database).get(OWNER, WALLET)
        opened = await connector.connect_live_many([replace(wallet, id=f"live-{number}") for number in range(3)])
        for one in opened.values():
            await one.initialize()
        found = [await asyncio.gather(one.get_balance(), return_exceptions=True) for one in opened.values()]
        await connector.close()
        return [type(error).__name__ for (error,) in found]

    assert run(refused()) == ["TemporarilyUnavailableError"] * 3
    assert keys.requests == 1


def test_pause_does_not_wait_for_a_silent_key_store_beyond_its_time(
    services: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_answer() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(buy_cancellation, "SECONDS", 0.2)
    keys = WatchedKeys(secrets.token_bytes(32), no_answer)
    connector = WalletConnector(services.database, utc_now, lambda: CredentialCipher(keys), allow_loopback=True)
    stop = BuyCancellation(services.database, connector)

    async def paused() -> bool:
        task = asyncio.ensure_future(services.lifecycle.pause(OWNER, WALLET, Pause(), stop))
        done, _ = await asyncio.wait({task}, timeout=5)
        task.cancel()
        await connector.close()
        return bool(done) and task.result().status is UserWalletStatus.PAUSED

    assert run(paused())
    assert keys.requests == 1
