"""Request bodies of user wallets. Credentials become ``SecretStr`` when they are parsed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from moniqo_core.domain.money import plain
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.http.schemas.common import ClosedModel, Name, PositiveAmount, Text, visible_text
from moniqo_core.http.schemas.wallets.risk_limits import RiskLimitsChange, RiskLimitsRequest
from moniqo_core.services.wallets.requests import NewWallet, Pause, WalletChange

MAX_CREDENTIAL_FIELDS: Final = 20


def _read_credentials(value: object) -> dict[str, SecretStr]:
    # One validator reads everything. pydantic's own errors would name the keys, and a key may be a misplaced secret.
    if not isinstance(value, Mapping):
        raise PydanticCustomError("credentials", "Input should be an object of field names and values")
    if len(value) > MAX_CREDENTIAL_FIELDS:
        raise PydanticCustomError("credentials", "Input should have at most 20 fields")
    return {str(name): SecretStr(_as_text(entry)) for name, entry in value.items()}


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value)
    raise PydanticCustomError("credentials", "Values should be strings or numbers")


Credentials = Annotated[
    dict[str, SecretStr],
    BeforeValidator(_read_credentials),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MAX_CREDENTIAL_FIELDS,
            "additionalProperties": {"anyOf": [{"type": "string", "format": "password"}, {"type": "number"}]},
            "description": "The fields listed in `required_credentials` of the wallet definition.",
            "examples": [{"initial_balance_usd": "10000"}],
        }
    ),
]


def _only_true(value: object) -> bool:
    # Literal[True] would accept the number 1.
    if value is not True:
        raise PydanticCustomError("confirm", "Input should be true")
    return True


Confirmed = Annotated[bool, PlainValidator(_only_true), WithJsonSchema({"type": "boolean", "const": True})]
Color = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$", examples=["#2F80ED"])]
Icon = Annotated[str, Field(max_length=100), AfterValidator(visible_text)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(visible_text)]


_LIMITS: Final[JsonDict] = {
    "max_position_size_usd": 1000,
    "max_total_exposure_usd": 5000,
    "max_open_positions": 5,
    "daily_loss_limit_usd": 500,
    "stop_loss_default_percent": 2.0,
    "take_profit_default_percent": 5.0,
}
_NEW: Final[JsonDict] = {
    "wallet_id": "demo-wallet-v1",
    "custom_name": "My First Demo Wallet",
    "credentials": {"initial_balance_usd": "10000"},
    "risk_limits": _LIMITS,
}
_CHANGE: Final[JsonDict] = {"custom_name": "My Second Demo Wallet", "risk_limits": {"max_open_positions": 3}}


class CreateWalletRequest(ClosedModel):
    """A wallet to connect. ``wallet_id`` is the id or the slug of its definition."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW]})

    wallet_id: Annotated[str, Field(min_length=1, max_length=100, examples=["demo-wallet-v1"])]
    custom_name: Name
    description: Text | None = None
    color: Color | None = None
    icon: Icon | None = None
    credentials: Credentials = Field(default_factory=dict)
    risk_limits: RiskLimitsRequest

    def to_new_wallet(self) -> NewWallet:
        """Return the wallet for the service to create."""
        return NewWallet(
            wallet_id=self.wallet_id,
            custom_name=self.custom_name,
            description=self.description,
            color=self.color,
            icon=self.icon,
            credentials=self.credentials,
            risk_limits=self.risk_limits.to_limits(),
        )


class UpdateWalletRequest(ClosedModel):
    """Fields to change. Other fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGE]})

    custom_name: Name | None = None
    description: Text | None = None
    color: Color | None = None
    icon: Icon | None = None
    risk_limits: RiskLimitsChange | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty", "At least one field is required")
        for name in ("custom_name", "risk_limits"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise PydanticCustomError("null", "{name} can be changed but not removed", {"name": name})
        return self

    def to_change(self) -> WalletChange:
        """Return the changes for the service to make."""
        fields = {name: getattr(self, name) for name in self.model_fields_set if name != "risk_limits"}
        return WalletChange(fields, self.risk_limits.changes() if self.risk_limits else {})


class ReplaceCredentialsRequest(ClosedModel):
    """All credentials of the wallet. Fields that are left out are removed."""

    credentials: Credentials


class PauseRequest(ClosedModel):
    """What the wallet still does while it is paused, and why it is paused, as a note for its owner."""

    reason: Reason | None = None
    level: Annotated[
        PauseLevel,
        Field(
            description="`reduce_only` buys nothing. Selling, closing, protecting and cancelling go on."
            " `full` only cancels, and protective exits stay open."
            " Send a level to change that of a paused wallet."
        ),
    ] = PauseLevel.REDUCE_ONLY
    keep_orders: Annotated[
        bool, Field(strict=True, description="Keep open buy orders. Otherwise they are cancelled.")
    ] = False

    def to_pause(self) -> Pause:
        """Return the pause for the service to make. Without a level, a paused wallet keeps its level."""
        level = self.level if "level" in self.model_fields_set else None
        return Pause(self.reason, level, self.keep_orders)


class ResumeRequest(ClosedModel):
    """Confirmation that the wallet should accept orders again."""

    confirm: Confirmed


class ResetRequest(ClosedModel):
    """The balance to start again with. The default is the balance that the wallet was created with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"initial_balance_usd": "50000"}]})

    initial_balance_usd: PositiveAmount | None = None


class ForkRequest(ClosedModel):
    """The journal entry ``seq`` to copy from. The default is the newest."""

    seq: Annotated[int, Field(ge=1, lt=2**53, strict=True)] | None = None
    custom_name: Name | None = None


class AdminReasonRequest(ClosedModel):
    """Why an admin suspends or reinstates a wallet."""

    reason: Reason
