"""Wallet definitions as admins send them."""

from __future__ import annotations

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

from moniqo_core.domain.wallets.kinds import IntegrationType, MarketType
from moniqo_core.http.schemas.common import ClosedModel, Name, Text
from moniqo_core.http.schemas.definitions.parts import (
    ApiConfigIn,
    CapabilitiesIn,
    CredentialFields,
    SimulationIn,
    distinct,
)

MAX_SYMBOLS: Final = 1000

Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", min_length=1, max_length=64, examples=["demo-wallet-v1"])]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,20}/[A-Z0-9]{1,20}$", examples=["BTC/USDT"])]
Symbols = Annotated[tuple[Symbol, ...], Field(max_length=MAX_SYMBOLS), AfterValidator(distinct)]
Tags = Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")], ...], Field(max_length=20)]
Markets = Annotated[tuple[MarketType, ...], Field(min_length=1, max_length=4), AfterValidator(distinct)]
Url = Annotated[str, Field(pattern=r"^https://[^\s/]+\S*$", max_length=500)]
Order = Annotated[StrictInt, Field(ge=0, le=1_000_000, description="Position in lists.")]


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
                "simulation_mismatch", "Use integration_type SIMULATION, is_demo and simulation together or not at all"
            )
        return self


class DefinitionPatch(ClosedModel):
    """Fields to change. Other fields stay, and objects and lists are replaced as a whole."""

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
            raise PydanticCustomError("null_forbidden", "Input should not be null. Leave the field out instead")
        return value
