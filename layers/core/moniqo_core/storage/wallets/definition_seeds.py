"""The wallet definitions that every deployment starts with."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.definition import (
    INITIAL_BALANCE,
    ApiConfig,
    Capabilities,
    CredentialField,
    Definition,
    FeeSchedule,
    Simulation,
)
from moniqo_core.domain.wallets.kinds import FeedKind, FieldType, IntegrationType, MarketType
from moniqo_core.storage.document import Database
from moniqo_core.storage.wallets.definitions import COLLECTION, definition_document

_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)

_INITIAL_BALANCE: Final = CredentialField(
    field_name=INITIAL_BALANCE,
    display_label="Starting balance (USD)",
    field_type=FieldType.NUMBER,
    is_required=False,
    is_encrypted=False,
    placeholder="10000",
    help_text="Paper money the wallet starts with; 10000 when left out.",
    validation_regex=r"[0-9]{1,13}(\.[0-9]{1,4})?",
)
_KEY: Final = r"\S{8,512}"


def _secret(name: str, label: str, regex: str = _KEY, kind: FieldType = FieldType.PASSWORD) -> CredentialField:
    return CredentialField(
        field_name=name,
        display_label=label,
        field_type=kind,
        help_text="Create a key that can read and trade; one that can withdraw is refused.",
        validation_regex=regex,
    )


_DEMO: Final = Definition(
    id="",
    slug="demo-wallet-v1",
    name="Demo Wallet",
    display_name="Demo Wallet (crypto)",
    description="Paper trading in crypto currencies on a simulated market. No real money, no keys.",
    integration_type=IntegrationType.SIMULATION,
    created_at=_NOW,
    updated_at=_NOW,
    is_demo=True,
    supported_symbols=tuple(f"{base}/USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LTC")),
    required_credentials=(_INITIAL_BALANCE,),
    capabilities=Capabilities(supported_order_types=tuple(OrderType), fees=FeeSchedule(Decimal("0.1"), Decimal("0.1"))),
    simulation=Simulation(),
    order=10,
    tags=("paper", "crypto", "recommended"),
)
_DEMO_STOCKS: Final = replace(
    _DEMO,
    slug="demo-stocks-v1",
    name="Demo Stocks",
    display_name="Demo Wallet (stocks)",
    description="Paper trading in shares, with cash in US dollars, on a simulated market in hours of the NYSE.",
    supported_markets=(MarketType.STOCKS,),
    supported_symbols=("AAPL/USD", "MSFT/USD"),
    simulation=Simulation(cash_asset="USD"),
    order=20,
    tags=("paper", "stocks"),
)
_DEMO_LIVE: Final = replace(
    _DEMO,
    slug="demo-live-v1",
    name="Demo Live",
    display_name="Demo Wallet (live crypto prices)",
    description="Paper trading in crypto currencies at the live prices of an exchange. No real money, no keys.",
    is_active=False,
    simulation=Simulation(feed=FeedKind.LIVE),
    order=30,
    tags=("paper", "crypto", "live"),
)
_DEMO_STOCKS_LIVE: Final = replace(
    _DEMO_STOCKS,
    slug="demo-stocks-live-v1",
    name="Demo Stocks Live",
    display_name="Demo Wallet (live stock prices)",
    description="Paper trading in shares at live prices in hours of the NYSE, with cash in US dollars.",
    is_active=False,
    supported_symbols=tuple(f"{share}/USD" for share in ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "NVDA", "TSLA")),
    simulation=Simulation(cash_asset="USD", feed=FeedKind.LIVE),
    order=40,
    tags=("paper", "stocks", "live"),
)
_BINANCE: Final = Definition(
    id="",
    slug="binance-spot-v1",
    name="Binance Spot",
    display_name="Binance",
    description="A spot account at Binance.",
    integration_type=IntegrationType.CEX,
    created_at=_NOW,
    updated_at=_NOW,
    requires_kyc=True,
    supports_all_symbols=True,
    required_credentials=(_secret("api_key", "API key"), _secret("api_secret", "API secret")),
    capabilities=Capabilities(fees=FeeSchedule(Decimal("0.1"), Decimal("0.1"))),
    api_config=ApiConfig(base_url="https://api.binance.com", testnet_url="https://testnet.binance.vision"),
    order=100,
    tags=("exchange", "crypto"),
)
_BINANCE_TESTNET: Final = replace(
    _BINANCE,
    slug="binance-testnet-v1",
    name="Binance Spot Testnet",
    display_name="Binance (test network)",
    description="A spot account at Binance's test network: real calls, play money.",
    api_config=ApiConfig(testnet_url="https://testnet.binance.vision"),
    order=105,
    tags=("exchange", "crypto", "test"),
)
_COINBASE: Final = replace(
    _BINANCE,
    slug="coinbase-advanced-v1",
    name="Coinbase Advanced",
    display_name="Coinbase",
    description="A spot account at Coinbase Advanced.",
    required_credentials=(
        _secret("api_key", "API key name"),
        _secret("api_secret", "Private key", r"[\s\S]{8,8192}", FieldType.FILE),
    ),
    capabilities=Capabilities(fees=FeeSchedule(Decimal("0.6"), Decimal("1.2"))),
    api_config=ApiConfig(base_url="https://api.coinbase.com", testnet_url="https://api-sandbox.coinbase.com"),
    order=110,
)
_KRAKEN: Final = replace(
    _BINANCE,
    slug="kraken-spot-v1",
    name="Kraken Spot",
    display_name="Kraken",
    description="A spot account at Kraken.",
    required_credentials=(_secret("api_key", "API key"), _secret("api_secret", "Private key")),
    capabilities=Capabilities(fees=FeeSchedule(Decimal("0.25"), Decimal("0.4"))),
    api_config=ApiConfig(base_url="https://api.kraken.com"),
    order=120,
)
_BYBIT: Final = replace(
    _BINANCE,
    slug="bybit-spot-v1",
    name="Bybit Spot",
    display_name="Bybit (read only)",
    description="A spot account at Bybit. It is only read, so orders cannot be placed.",
    required_credentials=tuple(
        replace(field, help_text="Create a key that can only read. A key that can withdraw is refused.")
        for field in _BINANCE.required_credentials
    ),
    capabilities=Capabilities(supported_order_types=(), fees=FeeSchedule(Decimal("0.1"), Decimal("0.1"))),
    api_config=ApiConfig(base_url="https://api.bybit.com", testnet_url="https://api-testnet.bybit.com"),
    order=130,
    tags=("exchange", "crypto", "read-only"),
)

_NEVER_UPDATED: Final = frozenset({"_id", "created_at", "updated_at"})
SEEDS: Final = (
    _DEMO,
    _DEMO_STOCKS,
    _DEMO_LIVE,
    _DEMO_STOCKS_LIVE,
    _BINANCE,
    _BINANCE_TESTNET,
    _COINBASE,
    _KRAKEN,
    _BYBIT,
)


async def seed_definitions(db: Database) -> None:
    """Insert missing definitions, and update those that were not edited since they were seeded.

    A definition that an admin changed or deleted stays as it is.
    """
    now = utc_now()
    for seed in SEEDS:
        document = definition_document(replace(seed, id=str(uuid4()), created_at=now, updated_at=now))
        with suppress(DuplicateKeyError):  # another process seeds at the same time
            await db[COLLECTION].update_one({"slug": seed.slug}, {"$setOnInsert": document}, upsert=True)
        present = await db[COLLECTION].find_one({"slug": seed.slug, "deleted_at": None})
        if present is not None and present["created_at"] == present["updated_at"]:
            fields = {name: value for name, value in document.items() if name not in _NEVER_UPDATED}
            untouched = {"_id": present["_id"], "updated_at": present["updated_at"]}
            await db[COLLECTION].update_one(untouched, {"$set": fields})
