"""Exposure of a wallet per symbol, including an order that is being decided, and the limits on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, floor_to
from moniqo_core.domain.risk.limits import RiskLimits, check_open_positions, exposure_too_large, position_too_large


class HoldingExposure(NamedTuple):
    """The amount of a symbol that is held or that open buys may add."""

    amount: Decimal
    has_open_buys: bool


_NONE: Final = HoldingExposure(ZERO, has_open_buys=False)


class Exposure(NamedTuple):
    """Exposure of the order's symbol: ``value`` = (held + open buys + this order) x ``price``, in US dollars.

    ``before`` is the amount of holding and open buys without this order. ``others`` has all other symbols.
    """

    value: Decimal
    price: Decimal
    before: Decimal
    others: dict[str, HoldingExposure]

    def room(self, limit_usd: Decimal, market: Market) -> Decimal:
        """Largest amount of an order that stays within a limit, in whole lots."""
        return max(floor_to(limit_usd / self.price - self.before, market.lot_step), ZERO)


def holding_exposures(account: Account) -> dict[str, HoldingExposure]:
    """Return the held amounts and open buys of every symbol that has either."""
    found = {
        symbol: HoldingExposure(held.amount, has_open_buys=False)
        for symbol, held in account.positions.items()
        if held.amount
    }
    for symbol, open_order_totals in account.open_order_totals.items():
        if open_order_totals.buying:
            found[symbol] = HoldingExposure(
                account.position(symbol).amount + open_order_totals.buying, has_open_buys=True
            )
    return found


def symbol_exposure(account: Account, amount: Decimal, limit: Decimal | None, context: MarketContext) -> Exposure:
    """Return the exposure of a symbol if the order were accepted, at the higher of its limit and the mid."""
    others = holding_exposures(account)
    mine = others.pop(context.market.symbol, _NONE)
    mid = context.snapshot.mid
    price = (limit if limit is not None and limit > mid else mid) * context.usd_rate
    return Exposure((mine.amount + amount) * price, price, mine.amount, others)


def total_exposure(exposure: Exposure, context: MarketContext) -> Decimal:
    """Return the exposure of all other symbols at mid prices, in US dollars."""
    total = ZERO
    for symbol, stake in exposure.others.items():
        total += stake.amount * context.marks[symbol] * context.usd_rate
    return total


def open_positions(exposure: Exposure, context: MarketContext) -> int:
    """Count the symbols with open buys or a holding above the minimum notional, including the order's own."""
    smallest = context.market.min_notional
    return 1 + sum(
        stake.has_open_buys or stake.amount * context.marks[symbol] >= smallest
        for symbol, stake in exposure.others.items()
    )


def check_position_size(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse a position above ``max_position_size_usd``."""
    if exposure.value > limits.max_position_size_usd:
        room = exposure.room(limits.max_position_size_usd, context.market)
        raise position_too_large(limits, context.market.symbol, exposure.value, room)


def check_total_exposure(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse a total above ``max_total_exposure_usd``."""
    others = total_exposure(exposure, context)
    if others + exposure.value > limits.max_total_exposure_usd:
        room = exposure.room(limits.max_total_exposure_usd - others, context.market)
        raise exposure_too_large(limits, others + exposure.value, room)


def check_positions(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse more positions than ``max_open_positions``."""
    check_open_positions(limits, open_positions(exposure, context))
