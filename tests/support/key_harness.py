"""Execution environments that share one key ring: each has its own cache, and all use a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_rotation import KeyRotation
from moniqo_core.credentials.key_source import SecretsManagerKeys
from moniqo_core.domain.clock import utc_now
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.connection import WalletConnection
from moniqo_core.services.wallets.reencryption import Reencryption
from moniqo_core.storage.client import connect
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.ciphertexts import CiphertextStore
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from moniqo_core.wallets.connector import WalletConnector

FIELDS: Final = [
    {"field_name": "initial_balance_usd", "display_label": "Balance", "is_required": False, "is_encrypted": False},
    {"field_name": "api_key", "display_label": "Key", "field_type": "password"},
]
"""The credential fields of a definition whose wallets have a ciphertext."""

Database = AsyncDatabase[dict[str, Any]]


class MovedClock:
    """A clock that starts at the present and moves only when the test moves it."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self._start = utc_now() + ahead
        self._passed = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def move(self, seconds: float) -> None:
        self._passed += seconds


class Environment:
    """One execution environment."""

    def __init__(
        self, db: Database, stored: KeyRingSecret, clock: MovedClock, ciphertexts: CiphertextStore | None = None
    ) -> None:
        self.keys = SecretsManagerKeys(stored, monotonic=clock.monotonic, now=clock.now)
        self.cipher = CredentialCipher(self.keys)
        self.wallets = UserWalletStore(db)
        definitions, connector = DefinitionStore(db), WalletConnector(db)
        fingerprints = AccountFingerprints(VenueAccounts(db), definitions, self.cipher)
        self.connection = WalletConnection(
            definitions, self.wallets, CiphertextStore(db), connector, self.cipher, fingerprints, clock.now
        )
        self.reencryption = Reencryption(ciphertexts or CiphertextStore(db), self.cipher, self.keys, clock.now)
        self.rotation = KeyRotation(stored, self.reencryption.needed, clock.now)

    async def opened(self, user_id: str, user_wallet_id: str) -> str:
        """Return the decrypted secret of a wallet."""
        wallet = await self.wallets.get(user_id, user_wallet_id)
        assert wallet.credentials is not None
        return (await self.cipher.decrypt(wallet.credentials, user_id, user_wallet_id))["api_key"].get_secret_value()


def rotate_until_killed(mongo_url: str, name: str, secret: str, hours_ahead: int, reports: Connection) -> None:
    """Rotate and re-encrypt without end, an hour apart, and report what was done."""

    async def work() -> None:
        db = connect(mongo_url, name)
        clock = MovedClock(timedelta(hours=hours_ahead))
        stored = KeyRingSecret(secret)
        while True:
            environment = Environment(db, stored, clock)
            await environment.rotation.run_all(reports.send)
            clock.move(3600)
            await environment.reencryption.run(60, reports.send)
            reports.send("moved")

    asyncio.run(work())
