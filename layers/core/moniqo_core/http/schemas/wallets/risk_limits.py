"""The risk limits of a wallet in requests and responses."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.http.schemas.common import Amount, ClosedModel, PositiveAmount, View

MAX_SYMBOLS: Final = 200
_NOT_IANA_FILES: Final = frozenset({"localtime", "posixrules", "Factory"})
_NOT_IANA_FOLDERS: Final = ("right/", "posix/")
"""Files beside the zones. Their meaning depends on the machine, or they count leap seconds."""
_NEVER_NULL: Final = frozenset(
    {
        "max_position_size_usd",
        "max_total_exposure_usd",
        "max_open_positions",
        "stop_loss_default_percent",
        "take_profit_default_percent",
        "blocked_symbols",
        "respect_market_hours",
        "timezone",
    }
)


def _percent(value: Decimal) -> Decimal:
    if value > 100:  # noqa: PLR2004
        raise PydanticCustomError("percent_range", "Input should be at most 100")
    return value


def _unique(symbols: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbols))


def _known_timezone(name: str) -> str:
    if name == "UTC":
        return name
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        if name.startswith(_NOT_IANA_FOLDERS) or name in _NOT_IANA_FILES:
            raise ValueError(name)
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("timezone", "Input should be an IANA time zone, for example Europe/Berlin") from None
    return name


Percent = Annotated[PositiveAmount, AfterValidator(_percent)]
OpenPositions = Annotated[int, Field(ge=1, le=100, strict=True)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.\-]{1,20}/[A-Z0-9]{1,10}$", examples=["BTC/USDT"])]
Symbols = Annotated[tuple[Symbol, ...], Field(max_length=MAX_SYMBOLS), AfterValidator(_unique)]
Timezone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_timezone)]


class RiskLimitsRequest(ClosedModel):
    """Limits that every order is checked against. At least one of the two daily loss limits is required."""

    max_position_size_usd: PositiveAmount
    max_total_exposure_usd: PositiveAmount
    max_open_positions: OpenPositions
    daily_loss_limit_usd: PositiveAmount | None = None
    daily_loss_limit_percent: Percent | None = None
    max_drawdown_percent: Percent | None = None
    stop_loss_default_percent: Percent = Decimal("2.0")
    take_profit_default_percent: PositiveAmount = Decimal("5.0")
    allowed_symbols: Symbols | None = None
    blocked_symbols: Symbols = ()
    respect_market_hours: StrictBool = False
    timezone: Timezone = "UTC"

    @model_validator(mode="after")
    def _one_daily_limit(self) -> Self:
        if self.daily_loss_limit_usd is None and self.daily_loss_limit_percent is None:
            raise PydanticCustomError(
                "daily_loss_limit", "One of daily_loss_limit_usd and daily_loss_limit_percent is required"
            )
        return self

    def to_limits(self) -> RiskLimits:
        """Return the limits as the domain has them."""
        return RiskLimits(**{name: getattr(self, name) for name in type(self).model_fields})


class RiskLimitsChange(ClosedModel):
    """Limits to change. Other limits stay, and null removes an optional limit."""

    max_position_size_usd: PositiveAmount | None = None
    max_total_exposure_usd: PositiveAmount | None = None
    max_open_positions: OpenPositions | None = None
    daily_loss_limit_usd: PositiveAmount | None = None
    daily_loss_limit_percent: Percent | None = None
    max_drawdown_percent: Percent | None = None
    stop_loss_default_percent: Percent | None = None
    take_profit_default_percent: PositiveAmount | None = None
    allowed_symbols: Symbols | None = None
    blocked_symbols: Symbols | None = None
    respect_market_hours: StrictBool | None = None
    timezone: Timezone | None = None

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        for name in sorted(self.model_fields_set & _NEVER_NULL):
            if getattr(self, name) is None:
                raise PydanticCustomError("null", "{name} can be changed but not removed", {"name": name})
        return self

    def changes(self) -> dict[str, object]:
        """Return the fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class RiskLimitsView(View):
    """The limits in force."""

    max_position_size_usd: Amount
    max_total_exposure_usd: Amount
    max_open_positions: int
    daily_loss_limit_usd: Amount | None
    daily_loss_limit_percent: Amount | None
    max_drawdown_percent: Amount | None
    stop_loss_default_percent: Amount
    take_profit_default_percent: Amount
    allowed_symbols: tuple[str, ...] | None
    blocked_symbols: tuple[str, ...]
    respect_market_hours: bool
    timezone: str
