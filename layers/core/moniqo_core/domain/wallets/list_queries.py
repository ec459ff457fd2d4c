"""What is asked for when definitions and wallets are listed: which ones, and after which row a page begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from moniqo_core.domain.wallets.definition import IntegrationType, MarketType
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus


@dataclass(frozen=True, slots=True)
class DefinitionFilter:
    """Which definitions to list; None does not filter."""

    integration_type: IntegrationType | None = None
    is_active: bool | None = None
    is_demo: bool | None = None
    market: MarketType | None = None


class DefinitionCursor(NamedTuple):
    """A page of definitions begins after the one with this ``order`` and ``slug``."""

    order: int
    slug: str


@dataclass(frozen=True, slots=True)
class WalletFilter:
    """Which of an owner's wallets to list; None does not filter."""

    wallet_id: str | None = None
    is_active: bool | None = None
    status: UserWalletStatus | None = None


class WalletCursor(NamedTuple):
    """A page of wallets begins after the one created at ``created_at`` with the id ``id``."""

    created_at: datetime
    id: str
