"""What a wallet has at stake, symbol by symbol, and whether a buy stays within the owner's limits."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from moniqo.domain.ledger import Account, Basis
from moniqo.domain.market import Market
from moniqo.domain.money import ZERO, floor_to
from moniqo.domain.order import OrderSide
from moniqo.domain.risk import check_open_positions, check_position_size, check_total_exposure


class Stake(NamedTuple):
    """Held and bid-for amount of a symbol, and the highest limit among its open buys."""

    amount: Decimal
    highest_limit: Decimal
    bidding: bool


def stakes(account: Account) -> dict[str, Stake]:
    """Holdings and open buys of every symbol that has either."""
    found = {
        symbol: Stake(position.amount, ZERO, bidding=False)
        for symbol, position in account.positions.items()
        if position.amount
    }
    for order in account.orders.values():
        if order.side is OrderSide.BUY and order.price is not None:
            known = found.get(order.symbol, _NONE)
            found[order.symbol] = Stake(
                known.amount + order.remaining, max(known.highest_limit, order.price), bidding=True
            )
    return found


_NONE = Stake(ZERO, ZERO, bidding=False)


def check_buy(account: Account, market: Market, amount: Decimal, limit: Decimal | None, basis: Basis) -> None:
    """Refuse a buy that would break a limit; raises RiskLimitExceededError.

    Exposure of a symbol = (holding + open buys + this order) x the higher of mid and limit, in US dollars.
    """
    limits = account.limits
    if limits is None:
        return
    at_stake = stakes(account)
    mine = at_stake.get(market.symbol, _NONE)
    price = max(basis.snapshot.mid, limit or ZERO, mine.highest_limit) * basis.usd_rate
    others = sum(
        (
            stake.amount * max(basis.marks[symbol], stake.highest_limit) * basis.usd_rate
            for symbol, stake in at_stake.items()
            if symbol != market.symbol
        ),
        ZERO,
    )
    exposure = (mine.amount + amount) * price
    check_position_size(limits, market.symbol, exposure, _room(limits.max_position_size_usd, price, mine, market))
    check_total_exposure(limits, others + exposure, _room(limits.max_total_exposure_usd - others, price, mine, market))
    check_open_positions(limits, _open_positions(at_stake, market, basis))


def _room(limit_usd: Decimal, price: Decimal, mine: Stake, market: Market) -> Decimal:
    """Largest amount that stays within a limit, in whole lots."""
    return max(floor_to(limit_usd / price - mine.amount, market.lot_step), ZERO)


def _open_positions(at_stake: dict[str, Stake], market: Market, basis: Basis) -> int:
    """Symbols bid for or held above the smallest notional, the order's own included."""
    count = 1
    for symbol, stake in at_stake.items():
        if symbol != market.symbol and (stake.bidding or stake.amount * basis.marks[symbol] >= market.min_notional):
            count += 1
    return count
