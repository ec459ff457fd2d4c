"""The limits that an owner sets for a wallet. Amounts are in US dollars, shares in percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.errors import RiskLimitExceededError, ValidationError
from moniqo_core.domain.money import plain


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits that an order must not exceed. ``allowed_symbols`` of None allows every symbol that is not blocked."""

    max_position_size_usd: Decimal
    max_total_exposure_usd: Decimal
    max_open_positions: int
    daily_loss_limit_usd: Decimal | None = None
    daily_loss_limit_percent: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    stop_loss_default_percent: Decimal = Decimal("2.0")
    take_profit_default_percent: Decimal = Decimal("5.0")
    allowed_symbols: tuple[str, ...] | None = None
    blocked_symbols: tuple[str, ...] = ()
    respect_market_hours: bool = False
    timezone: str = "UTC"


DAILY_LOSS_LIMITS: Final = ("daily_loss_limit_usd", "daily_loss_limit_percent")
"""Limits of which one must stay set."""


def changed_limits(limits: RiskLimits, changes: Mapping[str, Any]) -> RiskLimits:
    """Return the limits with ``changes``, by name.

    Raises:
        ValidationError: no daily loss limit would stay set.

    """
    after = replace(limits, **changes)
    if all(getattr(after, name) is None for name in DAILY_LOSS_LIMITS):
        message = "One of daily_loss_limit_usd and daily_loss_limit_percent must stay set."
        errors = [{"field": "risk_limits", "message": message, "code": "daily_loss_limit"}]
        raise ValidationError(message, errors=errors)
    return after


_NO_ROOM: Final = (
    "No amount passes. Sell something first, with POST /wallets/{id}/positions/close or an order, or raise the limit in"
    " risk_limits with PATCH /wallets/{id}. Open buys count too: DELETE /wallets/{id}/orders/{order_id} cancels one."
)
_SYMBOL_HINT: Final = "Trade another symbol, or change risk_limits with PATCH /wallets/{id}."


def check_symbol(limits: RiskLimits, symbol: str) -> None:
    """Refuse a symbol that the owner blocked or did not allow.

    Raises:
        RiskLimitExceededError: the owner's lists exclude the symbol.

    """
    if symbol in limits.blocked_symbols:
        raise RiskLimitExceededError(
            f"{symbol} is blocked for this wallet.", limit_type="blocked_symbols", symbol=symbol, hint=_SYMBOL_HINT
        )
    if limits.allowed_symbols is not None and symbol not in limits.allowed_symbols:
        raise RiskLimitExceededError(
            f"{symbol} is not among the allowed symbols of this wallet.",
            limit_type="allowed_symbols",
            symbol=symbol,
            hint=_SYMBOL_HINT,
        )


def position_too_large(limits: RiskLimits, symbol: str, exposure: Decimal, largest: Decimal) -> RiskLimitExceededError:
    """Return the error for a position above ``max_position_size_usd``. ``largest`` is the largest amount that fits."""
    return RiskLimitExceededError(
        f"The position in {symbol} would be worth {plain(exposure)} USD."
        f" The limit is {plain(limits.max_position_size_usd)} USD.",
        limit_type="max_position_size_usd",
        limit=limits.max_position_size_usd,
        value=exposure,
        suggested_amount=largest,
        hint=None if largest > 0 else _NO_ROOM,
    )


def exposure_too_large(limits: RiskLimits, exposure: Decimal, largest: Decimal) -> RiskLimitExceededError:
    """Return the error for a total exposure above ``max_total_exposure_usd``.

    ``largest`` is the largest amount that fits.
    """
    return RiskLimitExceededError(
        f"The total exposure would be {plain(exposure)} USD. The limit is {plain(limits.max_total_exposure_usd)} USD.",
        limit_type="max_total_exposure_usd",
        limit=limits.max_total_exposure_usd,
        value=exposure,
        suggested_amount=largest,
        hint=None if largest > 0 else _NO_ROOM,
    )


def check_open_positions(limits: RiskLimits, count: int) -> None:
    """Refuse more open positions than ``max_open_positions``. ``count`` includes the position of the order.

    Raises:
        RiskLimitExceededError: ``count`` is above the limit.

    """
    if count > limits.max_open_positions:
        raise RiskLimitExceededError(
            f"{count} positions would be open. The limit is {limits.max_open_positions}.",
            limit_type="max_open_positions",
            hint="Close a position first with POST /wallets/{id}/positions/close, or change risk_limits with PATCH"
            " /wallets/{id}.",
            limit=limits.max_open_positions,
            value=count,
        )
