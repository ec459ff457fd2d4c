"""The value of an account at given mark prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from moniqo_core.domain.money import ZERO, exact


class AssetValue(NamedTuple):
    """One asset held. ``value_usd`` is None, and never zero, when the asset has no price."""

    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal
    value_usd: Decimal | None


class Priced(Protocol):
    """A holding with its value, or without one."""

    @property
    def asset(self) -> str:
        """Its name."""
        ...

    @property
    def value_usd(self) -> Decimal | None:
        """Its value in US dollars, None when it has no price."""
        ...


def unpriced(holdings: Iterable[Priced]) -> tuple[str, ...]:
    """Return the names of the holdings that have no price."""
    return tuple(held.asset for held in holdings if held.value_usd is None)


def priced_total(holdings: Iterable[Priced]) -> Decimal:
    """Return the value of the holdings that have a price, in US dollars."""
    with exact():
        return sum((held.value_usd for held in holdings if held.value_usd is not None), ZERO)


@dataclass(frozen=True, slots=True)
class Valuation:
    """The value of an account in US dollars.

    The total of a live account leaves out what nobody prices. For a paper account ``total_value_usd`` and
    ``unrealised_pnl`` are None when a held asset has no price. Both PnL fields are None for an account whose profit is
    unknown: a venue does not report the profit of its accounts.

    ``evaluated_until`` tells how far the path was walked for open orders. ``stale`` tells that it could not be walked
    up to now, so an order that is shown as open may have filled. ``firm`` tells that every price comes from a market
    with a sane spread. A total that is not firm is no peak.
    """

    assets: Sequence[AssetValue]
    total_value_usd: Decimal | None
    realised_pnl: Decimal | None
    unrealised_pnl: Decimal | None
    evaluated_until: datetime
    stale: bool
    as_of: datetime
    mode: Literal["paper", "live"] = "paper"
    firm: bool = True

    @property
    def unpriced_assets(self) -> tuple[str, ...]:
        """The assets held that have no price."""
        return unpriced(self.assets)
