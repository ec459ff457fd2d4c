"""Each invariant of a paper account is violated once, and named with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commit import Commit, LedgerAccount, Posting
from moniqo_core.domain.ledger.invariants import account_violations, commit_violations
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.orders.order import OrderStatus
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.portfolio.position import Position
from tests.support.engine_harness import BTC, ETH, START, EngineHarness

D = Decimal
SECOND = timedelta(seconds=1)


@pytest.fixture
def harness() -> EngineHarness:
    """An account with a position in BTC, and a purchase that rests."""
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    harness.place("buy", "limit", "0.01", price="40000")
    return harness


def with_order(account: Account, **changes: Any) -> Account:
    (order,) = account.orders.values()
    changed = order.copy()
    for name, value in changes.items():
        setattr(changed, name, value)
    return replace(account, orders={order.order_id: changed})


def with_holding(account: Account, asset: str, free: str, locked: str) -> Account:
    return replace(account, balances={**account.balances, asset: Holding(D(free), D(locked))})


ACCOUNTS: dict[str, tuple[Callable[[Account], Account], str]] = {
    "filled too much": (lambda account: with_order(account, filled_amount=D(9)), "o-3-1 filled 9 of 0.01"),
    "ended": (lambda account: with_order(account, status=OrderStatus.FILLED), "o-3-1 is filled among the open orders"),
    "totals": (lambda account: replace(account, open_order_totals={}), "do not sum up the open orders"),
    "free": (lambda account: with_holding(account, "ETH", "-1", "0"), "ETH is negative: free -1, locked 0"),
    "locked": (lambda account: with_holding(account, "ETH", "0", "-1"), "ETH is negative: free 0, locked -1"),
    "lock": (lambda account: with_holding(account, "BTC", "0.05", "0.05"), "BTC locked 0.05, open orders hold 0"),
    "position": (lambda account: with_holding(account, "BTC", "0.2", "0"), "BTC/USDT position 0.1, held 0.2"),
    "cost": (
        lambda account: replace(account, positions={**account.positions, ETH: Position(cost=D(5))}),
        "ETH/USDT is flat with cost 5",
    ),
    "equation": (lambda account: replace(account, opening=account.opening + 1), "is not opening 10001 + realised"),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_fault_of_an_account_is_named(harness: EngineHarness, name: str) -> None:
    assert account_violations(harness.account) == []
    spoil, text = ACCOUNTS[name]
    assert any(text in fault for fault in account_violations(spoil(harness.account)))


def with_after(commit: Commit, **changes: Any) -> Commit:
    return replace(commit, after=replace(commit.after, **changes))


def posted(commit: Commit, account: LedgerAccount, asset: str, amount: int) -> Commit:
    return replace(commit, postings=(*commit.postings, Posting(account, asset, D(amount))))


COMMITS: dict[str, tuple[Callable[[Commit], Commit], str]] = {
    "sum": (lambda commit: posted(commit, LedgerAccount.MARKET, "USDT", 1), "USDT postings sum to 1"),
    "free": (lambda commit: posted(commit, LedgerAccount.FREE, "USDT", 1), "USDT postings do not lead from"),
    "locked": (lambda commit: posted(commit, LedgerAccount.LOCKED, "USDT", 1), "USDT postings do not lead from"),
    "seq": (lambda commit: with_after(commit, seq=7), "seq 7 follows 2"),
    "time": (lambda commit: with_after(commit, at=START - SECOND), "is before"),
    "evaluated_until": (
        lambda commit: with_after(commit, evaluated_until={BTC: START - SECOND}),
        "BTC/USDT evaluated_until went back to",
    ),
}


@pytest.mark.parametrize("name", COMMITS)
def test_fault_of_a_commit_is_named(harness: EngineHarness, name: str) -> None:
    before, commit = harness.commits[-2].after, harness.commits[-1]
    assert commit_violations(before, commit) == []
    spoil, text = COMMITS[name]
    assert any(text in fault for fault in commit_violations(before, spoil(commit)))


@pytest.mark.parametrize(("side", "limit", "worse"), [("buy", "60000", "60000.01"), ("sell", "40000", "39999.99")])
def test_fill_worse_than_the_limit_is_named(side: str, limit: str, worse: str) -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    harness.place(side, "limit", "0.01", price=limit)
    before, commit = harness.commits[-2].after, harness.commits[-1]
    (fill,) = commit.fills
    at_limit, beyond = (
        replace(commit, fills=(fill._replace(levels=(PriceLevel(D(price), fill.amount),)),)) for price in (limit, worse)
    )
    assert commit_violations(before, at_limit) == []
    assert commit_violations(before, beyond) == [f"{fill.fill_id} at {worse} is worse than the limit {limit}"]
