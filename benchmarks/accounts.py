"""Demo wallets to measure on, with so much cash and room that no order of a benchmark is refused."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from moniqo.credentials.cipher import CredentialCipher
from moniqo.credentials.key_source import SecretsManagerKeys
from moniqo.domain.ledger import AccountTerms
from moniqo.domain.risk import RiskLimits
from moniqo.services.wallet_creation import WalletCreation
from moniqo.services.wallet_requests import NewWallet
from moniqo.storage.definitions import DefinitionStore
from moniqo.storage.indexes import ensure_indexes
from moniqo.storage.seeds import seed_definitions
from moniqo.storage.user_wallets import UserWalletStore
from moniqo.wallets.demo import DemoWallet
from moniqo.wallets.registry import WalletConnector
from pymongo.asynchronous.database import AsyncDatabase

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


async def open_account(database: Database) -> DemoWallet:
    """Open an account that no user wallet belongs to, and return the wallet that trades it."""
    terms = AccountTerms(OWNER, Decimal(10**9), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, LIMITS)
    wallet = DemoWallet("demo", str(uuid.uuid4()), {}, {"db": database})
    await wallet.open_account(terms)
    await wallet.initialize()
    return wallet


async def create_wallet(database: Database) -> str:
    """Create a user's wallet as the service does, and return its id."""
    cipher = CredentialCipher(SecretsManagerKeys("a demo wallet has no secrets"))
    connector = WalletConnector(database)
    creation = WalletCreation(DefinitionStore(database), UserWalletStore(database), connector, cipher)
    request = NewWallet("demo-wallet-v1", "Bench", LIMITS, {})
    return (await creation.create(OWNER, request)).wallet.id
