"""Requests of users about their wallets. They import none of the code that executes them, for short cold starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.pause_level import PauseLevel


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet to connect. ``wallet_id`` is the id or slug of a definition."""

    wallet_id: str
    custom_name: str
    risk_limits: RiskLimits
    credentials: Mapping[str, SecretStr]
    description: str | None = None
    color: str | None = None
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of a wallet. Without a ``level`` it is reduce-only, and a paused wallet keeps its level."""

    reason: str | None = None
    level: PauseLevel | None = None
    keep_orders: bool = False


@dataclass(frozen=True, slots=True)
class WalletChange:
    """A change of a wallet: new values of its ``fields`` and of its risk ``limits``, by name."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
