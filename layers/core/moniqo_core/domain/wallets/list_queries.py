"""Filters and cursors for lists of definitions and wallets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from moniqo_core.domain.wallets.kinds import IntegrationType, MarketType
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus


@dataclass(frozen=True, slots=True)
class DefinitionFilter:
    """Filter of a list of definitions. A field of None does not filter."""

    integration_type: IntegrationType | None = None
    is_active: bool | None = None
    is_demo: bool | None = None
    market: MarketType | None = None


class DefinitionCursor(NamedTuple):
    """Cursor of a list of definitions. The page begins after this ``order`` and ``slug``."""

    order: int
    slug: str


@dataclass(frozen=True, slots=True)
class WalletFilter:
    """Filter of an owner's list of wallets. A field of None does not filter."""

    wallet_id: str | None = None
    is_active: bool | None = None
    status: UserWalletStatus | None = None


class WalletCursor(NamedTuple):
    """Cursor of a list of wallets. The page begins after this ``created_at`` and ``id``."""

    created_at: datetime
    id: str
