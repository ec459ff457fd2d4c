"""The risk limits of a wallet in requests and answers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from moniqo.domain.risk import RiskLimits
from moniqo.http.schemas.common import Amount, ClosedModel, PositiveAmount, View

MAX_SYMBOLS = 200


def _percent(value: Amount) -> Amount:
    if value > 100:  # noqa: PLR2004
        raise PydanticCustomError("percent_range", "Input should be at most 100")
    return value


def _unique(symbols: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(symbols))


def _known_timezone(name: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("timezone", "Input should be an IANA time zone, for example Europe/Berlin") from None
    return name


Percent = Annotated[PositiveAmount, AfterValidator(_percent)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.\-]{1,20}/[A-Z0-9]{1,10}$", examples=["BTC/USDT"])]
Symbols = Annotated[tuple[Symbol, ...], Field(max_length=MAX_SYMBOLS), AfterValidator(_unique)]
Timezone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_timezone)]


class RiskLimitsRequest(ClosedModel):
    """Limits every order is checked against; of the two daily loss limits at least one is required."""

    max_position_size_usd: PositiveAmount
    max_total_exposure_usd: PositiveAmount
    max_open_positions: Annotated[int, Field(ge=1, le=100, strict=True)]
    daily_loss_limit_usd: PositiveAmount | None = None
    daily_loss_limit_percent: Percent | None = None
    max_drawdown_percent: Percent | None = None
    stop_loss_default_percent: Percent = RiskLimits.stop_loss_default_percent
    take_profit_default_percent: PositiveAmount = RiskLimits.take_profit_default_percent
    allowed_symbols: Symbols | None = None
    blocked_symbols: Symbols = ()
    respect_market_hours: Annotated[bool, Field(strict=True)] = False
    timezone: Timezone = "UTC"

    @model_validator(mode="after")
    def _one_daily_limit(self) -> Self:
        if self.daily_loss_limit_usd is None and self.daily_loss_limit_percent is None:
            raise PydanticCustomError(
                "daily_loss_limit", "One of daily_loss_limit_usd and daily_loss_limit_percent is required"
            )
        return self

    def to_limits(self) -> RiskLimits:
        """Return the limits as the domain knows them."""
        return RiskLimits(**{name: getattr(self, name) for name in type(self).model_fields})


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
