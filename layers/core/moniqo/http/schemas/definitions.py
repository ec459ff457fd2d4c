"""Wallet definitions in requests and answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from moniqo.domain.definition import Definition, FeedKind, FieldType, IntegrationType, MarketType
from moniqo.domain.order import OrderType
from moniqo.http.pagination import PageView, broken_cursor, page_view
from moniqo.http.schemas.common import Amount, ClosedModel, Name, NonNegativeAmount, Text, Timestamp, View
from moniqo.services.patterns import Pattern, UnusablePatternError
from moniqo.storage.definitions import Position as DefinitionPosition

MAX_SYMBOLS: Final = 1000
MAX_FEE_PERCENT: Final = 100


def _percent(value: Decimal) -> Decimal:
    if value > MAX_FEE_PERCENT:
        raise PydanticCustomError("percent_range", "Input should be at most 100")
    return value


def _compiles(pattern: str) -> str:
    try:
        Pattern(pattern)
    except UnusablePatternError:
        message = "Input should be a regular expression without look-around or back-references, and of moderate size"
        raise PydanticCustomError("regex", message) from None
    return pattern


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicates", "Input should not repeat an entry")
    return values


Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", min_length=1, max_length=64, examples=["demo-wallet-v1"])]
Percent = Annotated[NonNegativeAmount, AfterValidator(_percent)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,20}/[A-Z0-9]{1,20}$", examples=["BTC/USDT"])]
Symbols = Annotated[tuple[Symbol, ...], Field(max_length=MAX_SYMBOLS), AfterValidator(_distinct)]
Tags = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")], ...], Field(max_length=20)]
Markets = Annotated[tuple[MarketType, ...], Field(min_length=1, max_length=4), AfterValidator(_distinct)]
Url = Annotated[str, Field(pattern=r"^https://[^\s/]+\S*$", max_length=500)]
# A venue on this machine is for trying things out: it is called only where the deployment allows that.
VenueUrl = Annotated[
    str,
    Field(
        pattern=r"^(https://[^\s/]+\S*|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?/?)$",
        max_length=500,
        examples=["https://api.acme.example"],
    ),
]
Order = Annotated[StrictInt, Field(ge=0, le=1_000_000, description="Lists are ordered by it.")]


class CredentialFieldIn(ClosedModel):
    """A field users fill in to connect."""

    field_name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["api_key"])]
    display_label: Name
    field_type: FieldType = FieldType.TEXT
    is_required: StrictBool = True
    is_encrypted: StrictBool = True
    placeholder: Annotated[str, Field(max_length=200)] | None = None
    help_text: Annotated[str, Field(max_length=500)] | None = None
    validation_regex: Annotated[str, Field(max_length=200), AfterValidator(_compiles)] | None = None

    @model_validator(mode="after")
    def _secrets_are_encrypted(self) -> Self:
        if not self.is_encrypted and self.field_type in {FieldType.PASSWORD, FieldType.FILE}:
            raise PydanticCustomError("unencrypted_secret", "A password or file is always stored encrypted")
        return self


def _distinct_names(fields: tuple[CredentialFieldIn, ...]) -> tuple[CredentialFieldIn, ...]:
    _distinct(tuple(field.field_name for field in fields))
    return fields


CredentialFields = Annotated[tuple[CredentialFieldIn, ...], Field(max_length=20), AfterValidator(_distinct_names)]


class LeverageIn(ClosedModel):
    """Leverage a venue grants."""

    available: StrictBool = False
    min: NonNegativeAmount | None = None
    max: NonNegativeAmount | None = None
    adjustable: StrictBool = False


class FeesIn(ClosedModel):
    """Fees in percent: 0.1 is 0.1%."""

    maker_fee_percent: Percent = Decimal(0)
    taker_fee_percent: Percent = Decimal(0)
    withdrawal_fee_percent: Percent = Decimal(0)


class CapabilitiesIn(ClosedModel):
    """What a wallet of this kind can do."""

    spot_trading: StrictBool = True
    futures_trading: StrictBool = False
    margin_trading: StrictBool = False
    options_trading: StrictBool = False
    supported_order_types: Annotated[tuple[OrderType, ...], Field(max_length=6), AfterValidator(_distinct)] = (
        OrderType.MARKET,
        OrderType.LIMIT,
    )
    leverage: Annotated[LeverageIn, Field(default_factory=LeverageIn)]
    fees: Annotated[FeesIn, Field(default_factory=FeesIn)]


class SimulationIn(ClosedModel):
    """How a demo wallet simulates."""

    cash_asset: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,10}$")] = "USDT"
    slippage_bps: Annotated[NonNegativeAmount, AfterValidator(_percent)] = Decimal(5)
    feed: FeedKind = FeedKind.SIMULATED


class ApiConfigIn(ClosedModel):
    """How the venue is reached; never returned."""

    base_url: VenueUrl | None = None
    testnet_url: VenueUrl | None = None
    websocket_url: Annotated[str, Field(max_length=500, pattern=r"^wss://")] | None = None
    api_version: Annotated[str, Field(max_length=20)] | None = None
    rate_limits: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], Annotated[StrictInt, Field(ge=0, le=1_000_000)]],
        Field(max_length=20, default_factory=dict),
    ]
    requires_api_key: StrictBool = True
    requires_signature: StrictBool = True


_NEW: Final[dict[str, JsonValue]] = {
    "slug": "acme-spot-v1",
    "name": "Acme Spot",
    "display_name": "Acme",
    "integration_type": "CEX",
    "supports_all_symbols": True,
    "required_credentials": [
        {"field_name": "api_key", "display_label": "API key", "field_type": "password"},
        {"field_name": "api_secret", "display_label": "API secret", "field_type": "password"},
    ],
    "capabilities": {"fees": {"maker_fee_percent": "0.1", "taker_fee_percent": "0.2"}},
    "api_config": {"base_url": "https://api.acme.example"},
    "order": 200,
}


class DefinitionCreate(ClosedModel):
    """A new kind of wallet."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW]})

    slug: Slug
    name: Name
    display_name: Name
    integration_type: IntegrationType
    description: Text = ""
    logo_url: Url | None = None
    is_demo: StrictBool = False
    is_active: StrictBool = True
    requires_kyc: StrictBool = False
    supported_markets: Markets = (MarketType.CRYPTO,)
    supported_symbols: Symbols = ()
    supports_all_symbols: StrictBool = False
    required_credentials: CredentialFields = ()
    capabilities: Annotated[CapabilitiesIn, Field(default_factory=CapabilitiesIn)]
    simulation: SimulationIn | None = None
    api_config: ApiConfigIn | None = None
    order: Order = 0
    tags: Tags = ()

    @model_validator(mode="after")
    def _demo_means_simulated(self) -> Self:
        simulated = self.integration_type is IntegrationType.SIMULATION
        if self.is_demo != simulated or (self.simulation is not None) != simulated:
            raise PydanticCustomError(
                "simulation_mismatch", "integration_type SIMULATION, is_demo and simulation go together"
            )
        return self


class DefinitionPatch(ClosedModel):
    """What may change; a field that is left out stays, an object or list is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Acme", "is_active": False}]})

    nullable: ClassVar[frozenset[str]] = frozenset({"logo_url", "api_config"})

    name: Name | None = None
    display_name: Name | None = None
    description: Text | None = None
    logo_url: Url | None = None
    is_active: StrictBool | None = None
    requires_kyc: StrictBool | None = None
    supported_markets: Markets | None = None
    supported_symbols: Symbols | None = None
    supports_all_symbols: StrictBool | None = None
    required_credentials: CredentialFields | None = None
    capabilities: CapabilitiesIn | None = None
    api_config: ApiConfigIn | None = None
    order: Order | None = None
    tags: Tags | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _null_only_where_allowed(cls, value: Any, info: Any) -> Any:
        if value is None and info.field_name not in cls.nullable:
            raise PydanticCustomError("null_forbidden", "Input should not be null; leave the field out instead")
        return value


class CredentialFieldView(View):
    """A field users fill in to connect."""

    field_name: str
    display_label: str
    field_type: FieldType
    is_required: bool
    is_encrypted: bool
    placeholder: str | None
    help_text: str | None
    validation_regex: str | None


class LeverageView(View):
    """Leverage a venue grants."""

    available: bool
    min: Amount | None
    max: Amount | None
    adjustable: bool


class FeesView(View):
    """Fees in percent: 0.1 is 0.1%."""

    maker_fee_percent: Amount
    taker_fee_percent: Amount
    withdrawal_fee_percent: Amount


class CapabilitiesView(View):
    """What a wallet of this kind can do."""

    spot_trading: bool
    futures_trading: bool
    margin_trading: bool
    options_trading: bool
    supported_order_types: tuple[OrderType, ...]
    leverage: LeverageView
    fees: FeesView


class SimulationView(View):
    """How a demo wallet simulates."""

    cash_asset: str
    slippage_bps: Amount
    feed: FeedKind


class DefinitionView(View):
    """A kind of wallet users can connect."""

    id: str
    name: str
    slug: str
    display_name: str
    description: str
    logo_url: str | None
    integration_type: IntegrationType
    is_demo: bool
    is_active: bool
    requires_kyc: bool
    supported_markets: tuple[MarketType, ...]
    supported_symbols: tuple[str, ...]
    supports_all_symbols: bool
    required_credentials: tuple[CredentialFieldView, ...]
    capabilities: CapabilitiesView
    simulation: SimulationView | None
    order: int
    tags: tuple[str, ...]
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, definition: Definition) -> DefinitionView:
        """Show a definition; ``api_config`` is not part of it."""
        return cls.model_validate(definition)


def definition_position(position: Sequence[str] | None) -> DefinitionPosition | None:
    """Read the position of a cursor; raises ValidationError when it is none of this list."""
    if position is None:
        return None
    if len(position) != 2 or not re.fullmatch(r"[0-9]{1,7}", position[0], re.ASCII):  # noqa: PLR2004
        raise broken_cursor()
    return DefinitionPosition(int(position[0]), position[1])


def definition_page(found: Sequence[Definition], limit: int) -> PageView[DefinitionView]:
    """Show the first ``limit`` of ``found``; one more means that there is a next page."""
    shown = found[:limit]
    following = [str(shown[-1].order), shown[-1].slug] if len(found) > limit else None
    return page_view([DefinitionView.of(definition) for definition in shown], following)
