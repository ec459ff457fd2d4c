"""The value of an account at given mark prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple


class AssetValue(NamedTuple):
    """One asset held. ``value_usd`` is None, and never zero, when the asset has no price."""

    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal
    value_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Valuation:
    """The value of an account in US dollars.

    ``total_value_usd`` and ``unrealised_pnl`` are None when a held asset has no price. Both PnL fields are None for an
    account whose profit is unknown: a venue does not report the profit of its accounts.

    ``evaluated_until`` tells how far the path was walked for open orders. ``stale`` tells that it could not be walked
    up to now, so an order that is shown as open may have filled.
    """

    assets: Sequence[AssetValue]
    total_value_usd: Decimal | None
    realised_pnl: Decimal | None
    unrealised_pnl: Decimal | None
    evaluated_until: datetime
    stale: bool
    as_of: datetime
    mode: Literal["paper", "live"] = "paper"
