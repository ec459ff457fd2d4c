"""The fees of an order: rounded up once per order and not once per fill, and summed by asset."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from moniqo_core.domain.money import ZERO, exact, round_up
from moniqo_core.domain.orders.order import Fill


class Fee(NamedTuple):
    """The fee of an order after a fill: the exact accrual, the total charged, and the part of this fill."""

    accrued: Decimal
    total: Decimal
    increment: Decimal


def accrue_fee(accrued: Decimal, charged: Decimal, rate: Decimal, notional: Decimal, scale: int) -> Fee:
    """Charge a fill of ``notional`` at ``rate`` (0.001 is 0.1%).

    The fee of an order is the sum of rate x notional over its fills, rounded up at ``scale``, the decimal places of the
    fee asset. A fill pays the increase of that rounded sum. Rounding therefore adds less than one smallest unit to
    the fee, however many fills there are.
    """
    accrued += rate * notional
    total = round_up(accrued, scale)
    return Fee(accrued, total, total - charged)


def cap_sale_fee(increment: Decimal, proceeds: Decimal) -> Decimal:
    """Return the fee of a fill of a sale, at most its proceeds. The rest is due with the next fill."""
    return min(increment, proceeds)


class AssetFee(NamedTuple):
    """The fees of an order in one asset."""

    asset: str
    amount: Decimal


def fees_by_asset(fills: Iterable[Fill]) -> tuple[AssetFee, ...]:
    """Return the fees of ``fills``, summed by asset, in the order in which the assets were first charged."""
    sums: dict[str, Decimal] = {}
    with exact():
        for fill in fills:
            if fill.fee:
                sums[fill.fee_currency] = sums.get(fill.fee_currency, ZERO) + fill.fee
    return tuple(AssetFee(asset, amount) for asset, amount in sums.items())
