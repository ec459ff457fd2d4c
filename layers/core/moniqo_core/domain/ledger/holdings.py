"""What a demo account holds: the part of its state that a balance shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.portfolio.position import Position


class AccountHoldings(NamedTuple):
    """Assets and positions of an account. ``feed`` names the prices that it trades on."""

    cash_asset: str
    feed: str
    balances: Mapping[str, Holding]
    positions: Mapping[str, Position]

    @property
    def held_symbols(self) -> list[str]:
        """The symbols of which the account holds anything."""
        return [symbol for symbol, position in self.positions.items() if position.amount]
