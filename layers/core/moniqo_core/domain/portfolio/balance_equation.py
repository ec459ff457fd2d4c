"""The balance equation of each asset: opening + trades - fees +/- transfers = closing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact


class Flow(NamedTuple):
    """Movements of one asset: bought minus sold, fees paid in it, deposits minus withdrawals."""

    traded: Decimal = ZERO
    fees: Decimal = ZERO
    transferred: Decimal = ZERO

    def less(self, before: Flow) -> Flow:
        """Return the movements since ``before``."""
        return Flow(self.traded - before.traded, self.fees - before.fees, self.transferred - before.transferred)


@dataclass(frozen=True, slots=True)
class AssetFlows:
    """All known movements per asset since ``epoch`` began with empty balances, up to ``until``.

    ``seq`` is the last counted entry of a paper wallet's journal, and None for a venue. ``behind`` has the assets with
    more movements than the venue returned at once. Their flows end before the balance, and the next sync continues
    there.
    """

    epoch: int
    until: datetime
    flows: Mapping[str, Flow]
    seq: int | None = None
    behind: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EquationLine:
    """The equation of one asset. ``residue`` is the unexplained part: an unreported transfer, or a fault."""

    asset: str
    opening: Decimal
    trades: Decimal
    fees: Decimal
    transfers: Decimal
    closing: Decimal

    @property
    def residue(self) -> Decimal:
        """Closing balance minus everything that explains it. It is zero when everything is explained."""
        return self.closing - self.opening - self.trades + self.fees - self.transfers


def balance_equation(
    opening: Mapping[str, Decimal], before: AssetFlows | None, asset_flows: AssetFlows, closing: Mapping[str, Decimal]
) -> tuple[EquationLine, ...]:
    """Compare two balances with the movements between them. Assets without movements are left out.

    Args:
        opening: Totals per asset at the last sync.
        before: The flows up to the last sync. If they are None or of another epoch, the equation covers the whole
            epoch, which began with empty balances.
        asset_flows: The flows up to now.
        closing: Totals per asset now.

    """
    known: Mapping[str, Flow] = {}
    if before is None or before.epoch != asset_flows.epoch:
        opening = {}
    else:
        known = before.flows
    with exact():
        lines = []
        for asset in sorted({*opening, *closing, *asset_flows.flows}):
            moved = asset_flows.flows.get(asset, Flow()).less(known.get(asset, Flow()))
            line = EquationLine(asset, opening.get(asset, ZERO), *moved, closing.get(asset, ZERO))
            if any(moved) or line.residue:
                lines.append(line)
        return tuple(lines)
