"""Exposure of a wallet per symbol, including an order that is being decided, and the limits on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.ledger.open_orders import of_type
from moniqo_core.domain.ledger.rules import Rules
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.matching.trigger_prices import takes_at_open
from moniqo_core.domain.money import ZERO, floor_to
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.risk.limits import RiskLimits, check_open_positions, exposure_too_large, position_too_large


class WaitingBuy(NamedTuple):
    """The part of an open buy that may still fill at any price up to its ``limit``."""

    limit: Decimal
    amount: Decimal


class HoldingExposure(NamedTuple):
    """The amount of a symbol that is held or that open buys may add. ``waiting`` are buys whose limit counts."""

    amount: Decimal
    has_open_buys: bool
    waiting: tuple[WaitingBuy, ...] = ()

    def at(self, price: Decimal) -> Decimal:
        """Return the value at a price, where a buy that waits with a higher limit counts at its limit."""
        value = self.amount * price
        for buy in self.waiting:
            value += max(buy.limit - price, ZERO) * buy.amount
        return value


_NONE: Final = HoldingExposure(ZERO, has_open_buys=False)


class Exposure(NamedTuple):
    """Exposure of the order's symbol, in US dollars.

    ``value`` is ``before``, the holding and open buys without this order, plus this order. Both are valued at
    ``price``, the higher of the order's limit and the mark. Open buys that wait with a higher limit count at that
    limit. ``others`` has all other symbols.
    """

    value: Decimal
    price: Decimal
    before: Decimal
    others: dict[str, HoldingExposure]

    def room(self, limit_usd: Decimal, market: Market) -> Decimal:
        """Largest amount of an order that stays within a limit, in whole lots."""
        return max(floor_to((limit_usd - self.before) / self.price, market.lot_step), ZERO)


def holding_exposures(
    account: Account, waiting: Mapping[str, Sequence[WaitingBuy]] = MappingProxyType({})
) -> dict[str, HoldingExposure]:
    """Return the held amounts and open buys of every symbol that has either."""
    found: dict[str, HoldingExposure] = {}
    for symbol, totals in account.open_order_totals.items():
        has_open_buys = bool(totals.buying)
        if has_open_buys:
            amount = account.position(symbol).amount + totals.buying
            found[symbol] = HoldingExposure(amount, has_open_buys, tuple(waiting.get(symbol, ())))
    for symbol, held in account.positions.items():
        if held.amount and symbol not in found:
            found[symbol] = HoldingExposure(held.amount, has_open_buys=False)
    return found


def waiting_buys(account: Account, context: MarketContext) -> dict[str, list[WaitingBuy]]:
    """Return the open buys that may fill above the present market, by symbol.

    These are the stop_limit orders, triggered or not. In a market with trading hours they are also the limit orders
    that wait for it to open. These fill at any price up to their limit.
    """
    has_hours = context.market.hours is not None
    orders = account.orders.values() if has_hours else of_type(account.orders, OrderType.STOP_LIMIT)
    found: dict[str, list[WaitingBuy]] = {}
    for order in orders:
        may_rise = order.type is OrderType.STOP_LIMIT or takes_at_open(order)
        if order.side is OrderSide.BUY and order.price is not None and may_rise:
            found.setdefault(order.symbol, []).append(WaitingBuy(order.price, order.remaining))
    return found


def symbol_exposure(
    account: Account, amount: Decimal, limit: Decimal | None, mark: Decimal, context: MarketContext, rules: Rules
) -> Exposure:
    """Return the exposure of a symbol if the order were accepted, at the higher of its limit and the mark."""
    waiting = waiting_buys(account, context) if rules.counts_waiting_buys_at_limit else {}
    others = holding_exposures(account, waiting)
    mine = others.pop(context.market.symbol, _NONE)
    price = limit if limit is not None and limit > mark else mark
    before = mine.at(price) * context.usd_rate
    return Exposure(before + amount * price * context.usd_rate, price * context.usd_rate, before, others)


def total_exposure(exposure: Exposure, context: MarketContext) -> Decimal:
    """Return the exposure of all other symbols at their marks, in US dollars."""
    total = ZERO
    for symbol, stake in exposure.others.items():
        total += stake.at(context.marks[symbol]) * context.usd_rate
    return total


def open_positions(exposure: Exposure, context: MarketContext) -> int:
    """Count the symbols with open buys, or a holding worth at least the minimum notional of the order's market.

    The symbol of the order always counts.
    """
    smallest = context.market.min_notional
    return 1 + sum(
        stake.has_open_buys or stake.amount * context.marks[symbol] >= smallest
        for symbol, stake in exposure.others.items()
    )


def check_position_size(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse a position above ``max_position_size_usd`` with RiskLimitExceededError."""
    if exposure.value > limits.max_position_size_usd:
        room = exposure.room(limits.max_position_size_usd, context.market)
        raise position_too_large(limits, context.market.symbol, exposure.value, room)


def check_total_exposure(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse a total above ``max_total_exposure_usd`` with RiskLimitExceededError."""
    others = total_exposure(exposure, context)
    if others + exposure.value > limits.max_total_exposure_usd:
        room = exposure.room(limits.max_total_exposure_usd - others, context.market)
        raise exposure_too_large(limits, others + exposure.value, room)


def check_positions(limits: RiskLimits, exposure: Exposure, context: MarketContext) -> None:
    """Refuse more positions than ``max_open_positions`` with RiskLimitExceededError."""
    check_open_positions(limits, open_positions(exposure, context))
