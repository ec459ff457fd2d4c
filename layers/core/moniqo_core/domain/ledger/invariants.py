"""The invariants of a demo account, for any account and any commit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from moniqo_core.domain.ledger.account import Account, sum_open_order_totals
from moniqo_core.domain.ledger.commit import Commit, LedgerAccount
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import OrderSide


def account_violations(account: Account) -> list[str]:
    """Return a text for each invariant that an account violates."""
    faults: list[str] = []
    with exact():
        locked: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for order in account.orders.values():
            locked[order.lock_asset] += order.locked
            if order.filled_amount > order.amount:
                faults.append(f"{order.order_id} filled {order.filled_amount} of {order.amount}")
            if not order.is_open:
                faults.append(f"{order.order_id} is {order.status} among the open orders")
        if dict(account.open_order_totals) != sum_open_order_totals(account.orders.values()):
            faults.append(f"totals {account.open_order_totals} do not sum up the open orders")
        for asset in {*account.balances, *locked}:
            holding = account.holding(asset)
            if holding.free < 0 or holding.locked < 0:
                faults.append(f"{asset} is negative: free {holding.free}, locked {holding.locked}")
            if holding.locked != locked[asset]:
                faults.append(f"{asset} locked {holding.locked}, open orders hold {locked[asset]}")
        faults += _position_faults(account)
    return faults


def _position_faults(account: Account) -> list[str]:
    faults: list[str] = []
    for symbol, position in account.positions.items():
        total = account.holding(symbol.partition("/")[0]).total
        if position.amount != total:
            faults.append(f"{symbol} position {position.amount}, held {total}")
        if not position.amount and position.cost:
            faults.append(f"{symbol} is flat with cost {position.cost}")
    return faults + _equation(account)


def _equation(account: Account) -> list[str]:
    """Check that cash plus cost basis equals the opening value plus realised PnL."""
    cash = account.holding(account.terms.cash_asset).total
    cost = sum((position.cost for position in account.positions.values()), ZERO)
    realised = sum((position.realised for position in account.positions.values()), ZERO)
    if cash + cost != account.opening + realised:
        return [f"cash {cash} + cost {cost} is not opening {account.opening} + realised {realised}"]
    return []


def commit_violations(before: Account, commit: Commit) -> list[str]:
    """Return a text for each invariant that a commit on ``before`` violates.

    The postings must balance and explain the new holdings. Sequence numbers must be consecutive, and no time may go
    back. No fill may be worse than its order's limit.
    """
    faults: list[str] = []
    after = commit.after
    with exact():
        sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        change: defaultdict[tuple[LedgerAccount, str], Decimal] = defaultdict(lambda: ZERO)
        for book, asset, amount in commit.postings:
            sums[asset] += amount
            change[book, asset] += amount
        faults += [f"{asset} postings sum to {total}" for asset, total in sums.items() if total]
        for asset in {*before.balances, *after.balances}:
            was, now = before.holding(asset), after.holding(asset)
            if (
                was.free + change[LedgerAccount.FREE, asset] != now.free
                or was.locked + change[LedgerAccount.LOCKED, asset] != now.locked
            ):
                faults.append(f"{asset} postings do not lead from {was} to {now}")
    if after.seq != before.seq + 1:
        faults.append(f"seq {after.seq} follows {before.seq}")
    if after.at < before.at:
        faults.append(f"commit time {after.at} is before {before.at}")
    for symbol, until in after.evaluated_until.items():
        if until < before.evaluated_until.get(symbol, until):
            faults.append(f"{symbol} evaluated_until went back to {until}")
    for order in commit.orders:
        faults += _limit_faults(commit, order.order_id)
    return faults


def _limit_faults(commit: Commit, order_id: str) -> list[str]:
    prices = {order.order_id: order.price for order in commit.orders}
    limit = prices[order_id]
    return [
        f"{item.fill_id} at {level.price} is worse than the limit {limit}"
        for item in commit.fills
        for level in item.levels
        if item.order_id == order_id
        and limit is not None
        and (level.price > limit if item.side is OrderSide.BUY else level.price < limit)
    ]
