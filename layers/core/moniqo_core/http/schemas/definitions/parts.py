"""Parts of wallet definitions as admins send them: credential fields, capabilities and the venue."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.definition import SETTING_FIELDS
from moniqo_core.domain.wallets.kinds import FeedKind, FieldType
from moniqo_core.http.schemas.common import ClosedModel, Name, NonNegativeAmount
from moniqo_core.services.wallets.linear_time_patterns import Pattern, UnusablePatternError

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


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``values``, and refuse them if they repeat an entry."""
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicates", "Input should not repeat an entry")
    return values


Percent = Annotated[NonNegativeAmount, AfterValidator(_percent)]
# A venue on this machine is for trials. It is called only if the deployment allows it.
VenueUrl = Annotated[
    str,
    Field(
        pattern=r"^(https://[^\s/]+\S*|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?/?)$",
        max_length=500,
        examples=["https://api.acme.example"],
    ),
]


class CredentialFieldIn(ClosedModel):
    """A credential field that users fill in to connect a wallet."""

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
        secret = self.field_type in {FieldType.PASSWORD, FieldType.FILE} or self.field_name not in SETTING_FIELDS
        if not self.is_encrypted and secret:
            settings = ", ".join(sorted(SETTING_FIELDS))
            raise PydanticCustomError(
                "unencrypted_secret",
                f"A credential must be encrypted. Only {settings} may set is_encrypted to false",
            )
        return self


def _distinct_names(fields: tuple[CredentialFieldIn, ...]) -> tuple[CredentialFieldIn, ...]:
    distinct(tuple(field.field_name for field in fields))
    return fields


CredentialFields = Annotated[tuple[CredentialFieldIn, ...], Field(max_length=20), AfterValidator(_distinct_names)]


class LeverageIn(ClosedModel):
    """The leverage that a venue offers."""

    available: StrictBool = False
    min: NonNegativeAmount | None = None
    max: NonNegativeAmount | None = None
    adjustable: StrictBool = False


class FeesIn(ClosedModel):
    """Fees in percent. 0.1 means 0.1%."""

    maker_fee_percent: Percent = Decimal(0)
    taker_fee_percent: Percent = Decimal(0)
    withdrawal_fee_percent: Percent = Decimal(0)


class CapabilitiesIn(ClosedModel):
    """What a wallet of this kind can do."""

    spot_trading: StrictBool = True
    futures_trading: StrictBool = False
    margin_trading: StrictBool = False
    options_trading: StrictBool = False
    supported_order_types: Annotated[tuple[OrderType, ...], Field(max_length=6), AfterValidator(distinct)] = (
        OrderType.MARKET,
        OrderType.LIMIT,
    )
    leverage: Annotated[LeverageIn, Field(default_factory=LeverageIn)]
    fees: Annotated[FeesIn, Field(default_factory=FeesIn)]


class SimulationIn(ClosedModel):
    """Settings of the simulated market of a demo wallet."""

    cash_asset: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,10}$")] = "USDT"
    slippage_bps: Annotated[NonNegativeAmount, AfterValidator(_percent)] = Decimal(5)
    feed: FeedKind = FeedKind.SIMULATED


class ApiConfigIn(ClosedModel):
    """How to reach the venue. Never returned."""

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
