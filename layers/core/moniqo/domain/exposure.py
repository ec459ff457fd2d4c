"""What a wallet has at stake, symbol by symbol, with an order that is being decided."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from moniqo.domain.ledger import Basis, Draft
from moniqo.domain.market import Market
from moniqo.domain.money import ZERO, floor_to
from moniqo.domain.order import OrderSide


class Stake(NamedTuple):
    """Held and bid-for amount of a symbol, and the highest limit among its open buys."""

    amount: Decimal
    highest_limit: Decimal
    bidding: bool


_NONE: Final = Stake(ZERO, ZERO, bidding=False)


class Exposure(NamedTuple):
    """Exposure of the order's symbol: ``value`` = (held + open buys + this order) x ``price``, in US dollars."""

    value: Decimal
    price: Decimal
    before: Decimal
    others: dict[str, Stake]

    def room(self, limit_usd: Decimal, market: Market) -> Decimal:
        """Largest order that stays within a limit, in whole lots."""
        return max(floor_to(limit_usd / self.price - self.before, market.lot_step), ZERO)


def stakes(draft: Draft) -> dict[str, Stake]:
    """Holdings and open buys of every symbol that has either."""
    found = {symbol: Stake(draft.position(symbol).amount, ZERO, bidding=False) for symbol in draft.held()}
    for order_id in draft.open_ids():
        order = draft.look(order_id)
        if order.side is OrderSide.BUY and order.price is not None and order.is_open:
            known = found.get(order.symbol, _NONE)
            highest = max(known.highest_limit, order.price)
            found[order.symbol] = Stake(known.amount + order.remaining, highest, bidding=True)
    return found


def symbol_exposure(draft: Draft, amount: Decimal, limit: Decimal | None, basis: Basis) -> Exposure:
    """Exposure of a symbol if the order were accepted: the price is the higher of mid and the limits of its buys."""
    others = stakes(draft)
    mine = others.pop(basis.market.symbol, _NONE)
    price = max(basis.snapshot.mid, limit or ZERO, mine.highest_limit) * basis.usd_rate
    return Exposure((mine.amount + amount) * price, price, mine.amount, others)


def total_exposure(exposure: Exposure, basis: Basis) -> Decimal:
    """Exposure of all other symbols, in US dollars."""
    return sum(
        (
            stake.amount * max(basis.marks[symbol], stake.highest_limit) * basis.usd_rate
            for symbol, stake in exposure.others.items()
        ),
        ZERO,
    )


def open_positions(exposure: Exposure, basis: Basis) -> int:
    """Symbols bid for or held above the smallest notional, the order's own included."""
    smallest = basis.market.min_notional
    return 1 + sum(
        stake.bidding or stake.amount * basis.marks[symbol] >= smallest for symbol, stake in exposure.others.items()
    )
