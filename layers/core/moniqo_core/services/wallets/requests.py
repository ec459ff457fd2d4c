"""What users ask of their wallets. Reading these needs none of what carries them out, so cold starts stay short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from moniqo_core.domain.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet to connect; ``wallet_id`` is a definition's id or slug."""

    wallet_id: str
    custom_name: str
    risk_limits: RiskLimits
    credentials: Mapping[str, SecretStr]
    description: str | None = None
    color: str | None = None
    icon: str | None = None


@dataclass(frozen=True, slots=True)
class WalletChange:
    """What to change: plain ``fields`` of the wallet, and ``limits`` by name."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
