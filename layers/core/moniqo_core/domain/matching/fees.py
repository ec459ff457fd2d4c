"""Fees: one ceiling per order, however many fills it took."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import round_up


class Fee(NamedTuple):
    """What a fill adds to its order: the exact accrual so far, the total charged, and this fill's share of it."""

    accrued: Decimal
    total: Decimal
    increment: Decimal


def accrue_fee(accrued: Decimal, charged: Decimal, rate: Decimal, notional: Decimal, scale: int) -> Fee:
    """Charge a fill of ``notional`` at ``rate`` (0.001 is 0.1%).

    The order's fee is the ceiling, at the fee asset's ``scale``, of the sum of rate x notional over its fills; the fill
    pays what that ceiling grew by. A hundred small fills so cost at most one smallest unit more than one large one.
    """
    accrued += rate * notional
    total = round_up(accrued, scale)
    return Fee(accrued, total, total - charged)
