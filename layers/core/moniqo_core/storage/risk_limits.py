"""The stored form of risk limits: amounts as strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

from moniqo_core.domain.money import plain
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.storage.document import Document

_NAMES: Final = tuple(field.name for field in fields(RiskLimits))
_KNOWN: Final = frozenset(_NAMES)
_AMOUNTS: Final = (
    "max_position_size_usd",
    "max_total_exposure_usd",
    "daily_loss_limit_usd",
    "daily_loss_limit_percent",
    "max_drawdown_percent",
    "stop_loss_default_percent",
    "take_profit_default_percent",
)
_LISTS: Final = ("allowed_symbols", "blocked_symbols")


def limits_document(limits: RiskLimits) -> Document:
    """Return the document of a wallet's limits."""
    return {name: _stored(getattr(limits, name)) for name in _NAMES}


def limit_changes_document(changes: Mapping[str, object]) -> Document:
    """Return the stored form of new values of some limits, by name."""
    return {name: _stored(value) for name, value in changes.items()}


def read_limits(document: Mapping[str, Any]) -> RiskLimits:
    """Return the limits of a document that :func:`limits_document` returned.

    A missing limit has its default. A limit of a later release is ignored.
    """
    limits = {name: document[name] for name in _KNOWN & document.keys()}
    for name in _AMOUNTS:
        if isinstance(text := limits.get(name), str):
            limits[name] = Decimal(text)
    for name in _LISTS:
        if isinstance(symbols := limits.get(name), list):
            limits[name] = tuple(symbols)
    return RiskLimits(**limits)


def _stored(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    return list(value) if isinstance(value, tuple) else value
