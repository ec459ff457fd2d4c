"""Placing and cancelling orders of a demo wallet: pure decisions on an account, a basis and a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo.domain import order_form
from moniqo.domain.command import Cancel, CancelAll, Place
from moniqo.domain.errors import (
    InsufficientBalanceError,
    InvalidSymbolError,
    OrderNotFoundError,
    OrderRejectedError,
    RateLimitExceededError,
    WalletPausedError,
    WalletSuspendedError,
)
from moniqo.domain.exposure import check_buy
from moniqo.domain.filling import end, fill, lock, lock_for, with_status
from moniqo.domain.ledger import RULES_VERSION, Account, Basis, Commit, Draft
from moniqo.domain.market import Level, Market
from moniqo.domain.matching import Taken, beyond_book, most_beyond, shown_depth, walk_book
from moniqo.domain.money import ONE, ZERO, exact, floor_to, plain, round_up, scale_of
from moniqo.domain.order import Liquidity, Order, OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo.domain.risk import check_symbol

MAX_OPEN_ORDERS = 500
"""Open orders a wallet may have, so that its state stays small."""


class Plan(NamedTuple):
    """What an order would take now: ``levels`` include a last one beyond the book for a market order."""

    levels: tuple[Level, ...]
    amount: Decimal
    quote: Decimal
    taken: dict[Decimal, Taken]


def place(account: Account, order: Place, basis: Basis, now: datetime) -> Commit:
    """Decide an order.

    Raises:
        WalletPausedError, WalletSuspendedError: the wallet takes no orders.
        InvalidOrderError, InvalidSymbolError: the order can never be accepted in this form.
        InsufficientBalanceError, RiskLimitExceededError: funds or the owner's limits forbid it.
        OrderRejectedError: the market forbids it now.
        RateLimitExceededError: 500 orders are open already.

    """
    require_trading(account)
    with exact():
        market = basis.market
        check_tradable(account, market)
        order_form.check_fields(order)
        draft = Draft(account, now)
        amount = _amount(draft, order, basis)
        plan = _plan(draft, order.side, order.price, amount, basis)
        accepted = _accept(draft, order, amount, basis)
        _check_market(order, amount, plan, basis)
        if order.side is OrderSide.BUY:
            check_buy(account, market, amount, order.price, basis)
        _check_funds(draft, accepted, plan, basis)
        _execute(draft, accepted, plan, basis)
        return draft.commit(order, basis)


def require_trading(account: Account) -> None:
    """Refuse a wallet that takes no orders."""
    if account.status == "suspended":
        raise WalletSuspendedError("the wallet is suspended", reason=account.reason)
    if account.status == "paused":
        raise WalletPausedError("the wallet is paused", reason=account.reason)


def check_tradable(account: Account, market: Market) -> None:
    """Refuse a symbol this account does not trade."""
    terms = account.terms
    if market.quote != terms.cash_asset or (terms.symbols is not None and market.symbol not in terms.symbols):
        raise InvalidSymbolError(
            f"this wallet does not trade {market.symbol}; its cash is {terms.cash_asset}", symbol=market.symbol
        )
    if account.limits is not None:
        check_symbol(account.limits, market.symbol)


def _amount(draft: Draft, order: Place, basis: Basis) -> Decimal:
    """Amount of base asset the order is for, checked against the market's steps and minimums."""
    market, snapshot = basis.market, basis.snapshot
    reference = order.price or (snapshot.ask if order.side is OrderSide.BUY else snapshot.bid)
    if order.price is not None:
        order_form.check_price(order.price, market)
    if order.quote_amount is not None:
        amount = _lots_for(draft, order.side, order.quote_amount, basis)
    else:
        assert order.amount is not None  # noqa: S101  check_fields has seen to it
        amount = order.amount
    held = draft.holding(market.base).total
    if order.side is OrderSide.SELL and amount == held > 0:
        return amount
    order_form.check_amount(amount, market)
    order_form.check_notional(amount, reference, market)
    return amount


def _plan(draft: Draft, side: OrderSide, limit: Decimal | None, amount: Decimal, basis: Basis) -> Plan:
    buying = side is OrderSide.BUY
    levels = basis.snapshot.asks if buying else basis.snapshot.bids
    walk = walk_book(levels, draft.taken_of(basis.market.symbol, side), amount, limit, buying=buying)
    excess = amount - walk.amount
    if limit is not None or not excess:
        return Plan(walk.takes, walk.amount, walk.quote, walk.taken)
    depth, last = shown_depth(levels), levels[-1]
    bps = draft.account.terms.slippage_bps
    most = most_beyond(last, walk.taken, depth, bps)
    if most is not None and excess > most:
        largest = walk.amount + floor_to(most, basis.market.lot_step)
        raise OrderRejectedError(
            f"the market takes at most {plain(largest)} {basis.market.base} at once, {plain(amount)} were asked for",
            suggested_amount=largest,
            limit_type="market_depth",
        )
    price, taken = beyond_book(last, walk.taken, excess, depth, bps, basis.market.tick_size, buying=buying)
    walk.taken[last.price] = taken
    return Plan((*walk.takes, Level(price, excess)), amount, walk.quote + price * excess, walk.taken)


def _cost(draft: Draft, side: OrderSide, amount: Decimal, basis: Basis) -> Decimal:
    """Cash a market order of ``amount`` spends (buy) or brings in (sell), fee included."""
    if not amount:
        return ZERO
    plan = _plan(draft, side, None, amount, basis)
    scale = scale_of(basis.market.quote)
    fee = round_up(draft.account.terms.taker_rate * plan.quote, scale)
    return plan.quote + fee if side is OrderSide.BUY else plan.quote - fee


def _lots_for(draft: Draft, side: OrderSide, quote_amount: Decimal, basis: Basis) -> Decimal:
    """Largest lot a buy can pay with ``quote_amount``, or the smallest whose sale brings it in, fees included."""
    market = basis.market
    best = basis.snapshot.ask if side is OrderSide.BUY else basis.snapshot.bid
    step = market.lot_step
    # A fee and slippage of up to a tenth bound the search from above.
    bound = int(quote_amount / best / step * (1 if side is OrderSide.BUY else Decimal("1.2"))) + 2

    def cost(lots: int) -> Decimal:
        try:
            return _cost(draft, side, lots * step, basis)
        except OrderRejectedError:
            return Decimal("Infinity")

    if side is OrderSide.BUY:
        return (bisect_right(range(bound), quote_amount, lo=1, key=cost) - 1) * step
    return bisect_left(range(bound), quote_amount, lo=1, key=cost) * step


def _accept(draft: Draft, order: Place, amount: Decimal, basis: Basis) -> Order:
    account, snapshot = draft.account, basis.snapshot
    if len(account.orders) >= MAX_OPEN_ORDERS:
        raise RateLimitExceededError(
            f"{len(account.orders)} orders are open, a wallet may have {MAX_OPEN_ORDERS}",
            limit=MAX_OPEN_ORDERS,
            hint="Cancel open orders first.",
        )
    return Order(
        order_id=f"o-{draft.seq}-1",
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        status=OrderStatus.OPEN,
        amount=amount,
        price=order.price,
        time_in_force=order.time_in_force,
        post_only=order.post_only,
        created_at=draft.at,
        updated_at=draft.at,
        fee_currency=basis.market.quote,
        status_history=((OrderStatus.OPEN, draft.at),),
        quote_amount=order.quote_amount,
        metadata=order.metadata,
        receipt={
            "seq": draft.seq,
            "rules_version": RULES_VERSION,
            "limits_version": account.limits_version,
            "maker_fee_percent": plain(account.terms.maker_fee_percent),
            "taker_fee_percent": plain(account.terms.taker_fee_percent),
            "bid": plain(snapshot.bid),
            "ask": plain(snapshot.ask),
            "quoted_at": snapshot.at,
            "source": snapshot.source,
        },
    )


def _check_market(order: Place, amount: Decimal, plan: Plan, basis: Basis) -> None:
    if order.post_only and _crosses(order, basis):
        best = basis.snapshot.ask if order.side is OrderSide.BUY else basis.snapshot.bid
        raise OrderRejectedError(
            f"a post-only {order.side} at {plain(order.price or ZERO)} would take, the best price is {plain(best)}",
            best_price=best,
        )
    if order.time_in_force is TimeInForce.FOK and plan.amount < amount:
        raise OrderRejectedError(
            f"only {plain(plan.amount)} of {plain(amount)} {basis.market.base} can fill at once",
            available=plan.amount,
            suggested_amount=plan.amount,
        )


def _crosses(order: Place, basis: Basis) -> bool:
    if order.price is None:
        return True
    if order.side is OrderSide.BUY:
        return order.price >= basis.snapshot.ask
    return order.price <= basis.snapshot.bid


def _check_funds(draft: Draft, order: Order, plan: Plan, basis: Basis) -> None:
    market = basis.market
    if order.side is OrderSide.SELL:
        asset, needed = market.base, order.amount
    else:
        asset = market.quote
        accrued = draft.account.terms.taker_rate * plan.quote
        fee = round_up(accrued, scale_of(asset))
        needed = plan.quote + fee
        if _rests(order) and plan.amount < order.amount:
            rest = replace(order, filled_amount=plan.amount, fee_accrued=accrued, fee=fee)
            needed += lock_for(rest, draft.account.terms)
    free = draft.holding(asset).free
    if needed > free:
        raise InsufficientBalanceError(
            f"{plain(needed)} {asset} are needed, {plain(free)} {asset} are free",
            needed=needed,
            available=free,
            asset=asset,
            suggested_amount=_affordable(draft, order, free, basis),
        )


def _affordable(draft: Draft, order: Order, free: Decimal, basis: Basis) -> Decimal:
    market = basis.market
    if order.side is OrderSide.SELL:
        return floor_to(free, market.lot_step)
    if order.price is None:
        return _lots_for(draft, OrderSide.BUY, free, basis)
    rate = max(draft.account.terms.maker_rate, draft.account.terms.taker_rate)
    return floor_to(free / (order.price * (ONE + rate)), market.lot_step)


def _rests(order: Order) -> bool:
    return order.type is OrderType.LIMIT and order.time_in_force is TimeInForce.GTC


def _execute(draft: Draft, order: Order, plan: Plan, basis: Basis) -> None:
    market = basis.market
    if plan.levels:
        order = fill(draft, order, market, plan.levels, Liquidity.TAKER, draft.at)
        draft.taken[market.symbol, order.side] = plan.taken
    if order.is_open:
        if _rests(order):
            order = lock(draft, order, market)
            if not any(other.symbol == market.symbol for other in draft.account.orders.values()):
                draft.evaluated_until[market.symbol] = draft.at
        else:
            order = with_status(order, OrderStatus.CANCELLED, draft.at)
    draft.orders[order.order_id] = order


def cancel(account: Account, command: Cancel, now: datetime) -> Commit:
    """Cancel an open order; raises OrderNotFoundError when it is not open."""
    if command.order_id not in account.orders:
        raise OrderNotFoundError(f"no open order {command.order_id}")
    with exact():
        draft = Draft(account, now)
        order = account.orders[command.order_id]
        end(draft, order, base_of(order), OrderStatus.CANCELLED)
        return draft.commit(command)


def cancel_all(account: Account, command: CancelAll, now: datetime) -> Commit:
    """Cancel every open order, or those of one symbol; the commit lists them."""
    with exact():
        draft = Draft(account, now)
        for order in account.orders.values():
            if command.symbol is None or order.symbol == command.symbol:
                end(draft, order, base_of(order), OrderStatus.CANCELLED)
        return draft.commit(command)


def base_of(order: Order) -> str:
    """Return the base asset of an order's symbol, which is written BASE/QUOTE."""
    return order.symbol.partition("/")[0]
