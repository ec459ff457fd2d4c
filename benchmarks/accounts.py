"""Demo wallets for benchmarks, with enough cash and high enough limits that no order is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.credentials.key_source import SecretsManagerKeys
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.services.shared.user_quotas import WalletLimit
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.creation import WalletCreation
from moniqo_core.services.wallets.requests import NewWallet
from moniqo_core.storage.client import connect
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.definition_seeds import seed_definitions
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from moniqo_core.storage.wallets.wallet_slots import WalletSlots
from moniqo_core.wallets.connector import WalletConnector

OWNER = "11111111-1111-4111-8111-111111111111"
Database = AsyncDatabase[dict[str, Any]]

LIMITS = RiskLimits(
    max_position_size_usd=Decimal(10**9),
    max_total_exposure_usd=Decimal(10**9),
    max_open_positions=100,
    daily_loss_limit_usd=Decimal(10**8),
)


async def prepare(database: Database) -> None:
    """Bring a new database to the state that functions expect."""
    await ensure_indexes(database)
    await seed_definitions(database)


async def new_database(url: str, name: str, wallets: int) -> list[str]:
    """Prepare a new database, create this number of wallets in it and return their ids."""
    database = connect(url, name)
    await prepare(database)
    created = [await create_wallet(database) for _ in range(wallets)]
    await database.client.close()
    return created


async def create_wallet(database: Database) -> str:
    """Create a user's wallet as the service does, and return its id."""
    cipher = CredentialCipher(SecretsManagerKeys(KeyRingSecret("a demo wallet has no secrets")))
    connector = WalletConnector(database)
    limit = WalletLimit(1000, WalletSlots(database))
    definitions = DefinitionStore(database)
    fingerprints = AccountFingerprints(VenueAccounts(database), definitions, cipher)
    creation = WalletCreation(definitions, UserWalletStore(database), connector, cipher, limit, fingerprints)
    request = NewWallet("demo-wallet-v1", "Bench", LIMITS, {"initial_balance_usd": SecretStr("1000000")})
    return (await creation.create(OWNER, request)).wallet.id
