"""Whether a balance is explained: opening + trades - fees +/- transfers = closing, asset by asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact


class Flow(NamedTuple):
    """What moved one asset: bought less sold, fees paid in it, deposits less withdrawals."""

    traded: Decimal = ZERO
    fees: Decimal = ZERO
    transferred: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """What the account gained of the asset."""
        return self.traded - self.fees + self.transferred

    def less(self, before: Flow) -> Flow:
        """What moved since ``before``."""
        return Flow(self.traded - before.traded, self.fees - before.fees, self.transferred - before.transferred)


@dataclass(frozen=True, slots=True)
class AssetFlows:
    """Everything known to have moved since ``epoch`` began with nothing, per asset, up to ``until``.

    ``seq`` is the last entry of a paper wallet's journal that is counted; a venue has none. ``behind`` are assets of
    which more moved than a venue told at once: the flows end before the balance, and the next sync goes on.
    """

    epoch: int
    until: datetime
    flows: Mapping[str, Flow]
    seq: int | None = None
    behind: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EquationLine:
    """The equation of one asset; ``residue`` is what nothing explains: a transfer nobody told, or a fault."""

    asset: str
    opening: Decimal
    trades: Decimal
    fees: Decimal
    transfers: Decimal
    closing: Decimal

    @property
    def residue(self) -> Decimal:
        """Closing less all that explains it; zero when everything is explained."""
        return self.closing - self.opening - self.trades + self.fees - self.transfers


def balance_equation(
    opening: Mapping[str, Decimal], before: AssetFlows | None, asset_flows: AssetFlows, closing: Mapping[str, Decimal]
) -> tuple[EquationLine, ...]:
    """Compare two balances with what moved between them; assets nothing happened to are left out.

    Args:
        opening: Totals per asset at the last sync.
        before: The flows up to the last sync. Of another epoch, or None: the equation covers the whole epoch, which
            began with nothing.
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
