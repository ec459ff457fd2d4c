"""A demo account at work: read it, walk its resting orders forward, decide, commit, and decide again after a race."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import SystemRandom
from typing import Final

from moniqo.domain import resting, trading
from moniqo.domain.clock import Clock
from moniqo.domain.command import Place
from moniqo.domain.errors import MarketDataError, NotFoundError, TemporarilyUnavailableError
from moniqo.domain.ledger import Account, Basis, Commit
from moniqo.domain.market import PriceFeed, check_usable
from moniqo.domain.money import ONE
from moniqo.domain.order import OrderSide
from moniqo.domain.valuation import Valuation, value
from moniqo.storage.demo_ledger import DemoLedger, Loaded, Outcome

GIVE_UP_AFTER: Final = 20.0
"""Seconds a writer competes for a busy wallet before it answers 503."""

LOOK_AHEAD: Final = timedelta(days=1)
LOOKS_PER_CALL: Final = 8
"""Resting orders are walked forward a day at a time, at most eight days in one call."""

_PAUSE_SECONDS: Final = 0.004
_random = SystemRandom()

Mirror = Mapping[str, object]
Decide = Callable[[Account], Awaitable[Commit]]


class RepeatedOrderError(Exception):
    """The client order id of this order was accepted before."""


class DemoAccount:
    """One account of the ledger with the feed its orders meet."""

    def __init__(self, ledger: DemoLedger, feed: PriceFeed, clock: Clock, owner: str | None, loaded: Loaded) -> None:
        """Start from an account that was just read."""
        self._ledger = ledger
        self._feed = feed
        self._clock = clock
        self._owner = owner
        self._loaded = loaded

    @property
    def account(self) -> Account:
        """The account as last read or committed."""
        return self._loaded.account

    async def submit(self, order: Place) -> Commit:
        """Commit an order; raises RepeatedOrderError and what :func:`moniqo.domain.trading.place` raises."""

        async def decide(account: Account) -> Commit:
            trading.require_trading(account)
            return trading.place(account, order, await self._basis(account, order), self._clock())

        return await self.transact(decide)

    async def transact(self, decide: Decide, mirror: Mirror | None = None) -> Commit:
        """Evaluate resting orders, decide on the present account and commit, until no other writer was faster."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        while True:
            await self.evaluate()
            commit = await decide(self.account)
            if await self._commit(commit, mirror):
                return commit
            await self._again(deadline)

    async def evaluate(self) -> bool:
        """Let resting orders meet the path up to now; returns whether it was walked to its end."""
        deadline = time.monotonic() + GIVE_UP_AFTER
        for _ in range(LOOKS_PER_CALL):
            account, now = self.account, self._clock()
            symbols = sorted({order.symbol for order in account.orders.values()})
            if not symbols:
                return True
            reach = min(now, min(account.evaluated_until[symbol] for symbol in symbols) + LOOK_AHEAD)
            markets = {symbol: await self._feed.market(symbol) for symbol in symbols}
            paths = {
                symbol: await self._feed.path(symbol, account.evaluated_until[symbol], reach) for symbol in symbols
            }
            commit = resting.evaluate(account, paths, markets, now)
            if commit is not None and not await self._commit(commit, None):
                await self._again(deadline)
            elif reach == now:
                return True
        return False

    async def _commit(self, commit: Commit, mirror: Mirror | None) -> bool:
        fields = {**(mirror or {}), **_open_orders_flag(self.account, commit)}
        outcome = await self._ledger.commit(commit, fields, whole=self._loaded.behind)
        if outcome is Outcome.REPEATED:
            raise RepeatedOrderError
        if outcome is Outcome.DONE:
            self._loaded = Loaded(commit.after, behind=False)
        return outcome is Outcome.DONE

    async def _again(self, deadline: float) -> None:
        """Read the account that won. A short even pause keeps every writer's chance the same, however often it lost."""
        if time.monotonic() > deadline:
            raise TemporarilyUnavailableError("too many writers on this wallet at once", retry_after=1)
        await asyncio.sleep(_random.uniform(0, _PAUSE_SECONDS))
        loaded = await self._ledger.load(self.account.user_wallet_id, self._owner)
        if loaded is None or loaded.account.deleted:
            raise NotFoundError("no such wallet")
        self._loaded = loaded

    async def _basis(self, account: Account, order: Place) -> Basis:
        market = await self._feed.market(order.symbol)
        snapshot = await self._feed.snapshot(order.symbol)
        check_usable(snapshot, self._clock(), self._feed.max_age)
        others: set[str] = set()
        if order.side is OrderSide.BUY and account.limits is not None:
            others = _at_stake(account) - {order.symbol}
        marks = await self._feed.mids(sorted(others)) if others else {}
        missing = sorted(others - set(marks))
        if missing:
            raise MarketDataError(f"no fresh price for {', '.join(missing)}, which this wallet holds", retry_after=2)
        return Basis(market, snapshot, marks, ONE)

    async def valuation(self) -> Valuation:
        """Value the account at the present mid prices, resting orders evaluated first."""
        complete = await self.evaluate()
        account = self.account
        held = sorted(symbol for symbol, position in account.positions.items() if position.amount)
        marks = await self._feed.mids(held) if held else {}
        return value(account, marks, ONE, self._clock(), stale=not complete)


def _at_stake(account: Account) -> set[str]:
    held = {symbol for symbol, position in account.positions.items() if position.amount}
    return held | {order.symbol for order in account.orders.values() if order.side is OrderSide.BUY}


def _open_orders_flag(before: Account, commit: Commit) -> Mirror:
    """The user wallet's flag that schedules evaluation, when a commit changes it."""
    had, has = bool(before.orders), bool(commit.after.orders)
    return {} if had == has else {"has_open_orders": has}
