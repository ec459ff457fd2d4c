"""Wallet definitions: the catalogue of what users can connect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.kinds import FeedKind, FieldType, IntegrationType, MarketType

INITIAL_BALANCE: Final = "initial_balance_usd"
"""The field with the starting balance of a demo wallet."""

SETTING_FIELDS: Final = frozenset({INITIAL_BALANCE})
"""The fields that are not secret. Every other field is a credential and is stored encrypted."""


@dataclass(frozen=True, slots=True)
class CredentialField:
    """A field that a user fills in to connect. Only :data:`SETTING_FIELDS` may set ``is_encrypted=False``."""

    field_name: str
    display_label: str
    field_type: FieldType = FieldType.TEXT
    is_required: bool = True
    is_encrypted: bool = True
    placeholder: str | None = None
    help_text: str | None = None
    validation_regex: str | None = None

    @property
    def is_setting(self) -> bool:
        """Whether the value is stored unencrypted. A stored definition may ask for that where it is not allowed."""
        return not self.is_encrypted and self.field_name in SETTING_FIELDS


@dataclass(frozen=True, slots=True)
class Leverage:
    """Leverage that a venue offers. ``min`` and ``max`` are factors."""

    available: bool = False
    min: Decimal | None = None
    max: Decimal | None = None
    adjustable: bool = False


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Fees in percent of the exchanged amount: 0.1 is 0.1%."""

    maker_fee_percent: Decimal = Decimal(0)
    taker_fee_percent: Decimal = Decimal(0)
    withdrawal_fee_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Capabilities of a kind of wallet."""

    spot_trading: bool = True
    futures_trading: bool = False
    margin_trading: bool = False
    options_trading: bool = False
    supported_order_types: tuple[OrderType, ...] = (OrderType.MARKET, OrderType.LIMIT)
    leverage: Leverage = Leverage()
    fees: FeeSchedule = FeeSchedule()


@dataclass(frozen=True, slots=True)
class Simulation:
    """Settings of a simulated wallet: the asset of its cash, slippage in basis points, and the source of prices."""

    cash_asset: str = "USDT"
    slippage_bps: Decimal = Decimal(5)
    feed: FeedKind = FeedKind.SIMULATED


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """How the venue is reached. Admins set it, and the API never returns it."""

    base_url: str | None = None
    testnet_url: str | None = None
    websocket_url: str | None = None
    api_version: str | None = None
    rate_limits: Mapping[str, int] = field(default_factory=dict)
    requires_api_key: bool = True
    requires_signature: bool = True


@dataclass(frozen=True, slots=True)
class Definition:
    """One kind of wallet. ``slug`` never changes and is unique among the definitions that are not deleted."""

    id: str
    slug: str
    name: str
    display_name: str
    integration_type: IntegrationType
    created_at: datetime
    updated_at: datetime
    description: str = ""
    logo_url: str | None = None
    is_demo: bool = False
    is_active: bool = True
    requires_kyc: bool = False
    supported_markets: tuple[MarketType, ...] = (MarketType.CRYPTO,)
    supported_symbols: tuple[str, ...] = ()
    supports_all_symbols: bool = False
    required_credentials: tuple[CredentialField, ...] = ()
    capabilities: Capabilities = Capabilities()
    simulation: Simulation | None = None
    api_config: ApiConfig | None = None
    order: int = 0
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None
