"""The value of an account at given mark prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple, Protocol

from moniqo_core.domain.money import ZERO, exact

_CENT: Final = Decimal("0.01")


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


def live_total(holdings: Sequence[Priced]) -> Decimal | None:
    """Return the total of a live account in US dollars, which leaves out what has no price.

    It is None, so not known, when something has no price and the rest is worth less than a cent. A debt is not: the
    loss that made it is known.
    """
    with exact():
        rest = sum((abs(held.value_usd) for held in holdings if held.value_usd is not None), ZERO)
    return None if rest < _CENT and unpriced(holdings) else priced_total(holdings)


@dataclass(frozen=True, slots=True)
class Valuation:
    """The value of an account in US dollars.

    The total of a live account is its :func:`live_total`. For a paper account ``total_value_usd`` and
    ``unrealised_pnl`` are None when a held asset has no price. Both PnL fields are None for an account whose profit is
    unknown: a venue does not report the profit of its accounts.

    ``evaluated_until`` tells how far the path was walked for open orders. ``stale`` tells that it could not be walked
    up to now, so an order that is shown as open may have filled. ``firm`` tells that every price comes from a market
    with a sane spread. A total that is not firm sets no peak.
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
