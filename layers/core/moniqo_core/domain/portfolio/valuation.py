"""What an account is worth at given marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple


class AssetValue(NamedTuple):
    """One asset held; ``value_usd`` is None when nobody prices it, never zero for that reason."""

    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal
    value_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Valuation:
    """An account in US dollars. ``total_value_usd`` and ``unrealised_pnl`` are None when a held asset has no price.

    Profit is None where nobody followed it: a venue does not know what its accounts gained.

    ``evaluated_until`` is how far the path was walked for open orders; ``stale`` says that it could not be walked up
    to now, so an order may have filled that is still shown open.
    """

    assets: Sequence[AssetValue]
    total_value_usd: Decimal | None
    realised_pnl: Decimal | None
    unrealised_pnl: Decimal | None
    evaluated_until: datetime
    stale: bool
    as_of: datetime
    mode: Literal["paper", "live"] = "paper"
