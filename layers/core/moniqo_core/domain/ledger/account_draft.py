"""A draft of a demo account: a command changes an :class:`AccountDraft`, which then becomes a commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from moniqo_core.domain.errors import InsufficientBalanceError
from moniqo_core.domain.ledger.account import (
    FLAT,
    NO_OPEN_ORDERS,
    Account,
    ObservedMarket,
    TakenLevels,
    open_order_totals_after,
)
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import AccountChanges, Commit, LedgerAccount, MarketContext, Posting
from moniqo_core.domain.ledger.open_orders import with_changes
from moniqo_core.domain.ledger.rules import RULES, Rules
from moniqo_core.domain.money import ONE, ZERO
from moniqo_core.domain.orders.order import Fill, Order, OrderSide
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.portfolio.holding import NOTHING_HELD, Holding
from moniqo_core.domain.portfolio.position import Position

Key = TypeVar("Key")
Value = TypeVar("Value")


class AccountDraft:
    """An account that is being changed. Nothing takes effect before :meth:`commit`."""

    def __init__(self, account: Account, now: datetime, rules: Rules = RULES, usd_rate: Decimal = ONE) -> None:
        """Start from ``account``. The commit time never goes back, even if ``now`` does.

        The command is decided by ``rules``. ``usd_rate`` is the price of the cash asset in US dollars.
        """
        self.account = account
        self.rules = rules
        self.usd_rate = usd_rate
        self.at = max(now, account.at)
        self.seq = account.seq + 1
        self.balances: dict[str, Holding] = {}
        self.positions: dict[str, Position] = {}
        self.orders: dict[str, Order] = {}
        self.taken: dict[tuple[str, OrderSide], TakenLevels] = {}
        self.evaluated_until: dict[str, datetime] = {}
        self.marks: dict[str, Decimal] = {}
        self.observed_markets: dict[str, ObservedMarket] = {}
        self.peak = account.peak
        self.day = account.day
        self.status = account.status
        self.reason = account.reason
        self.paused_by_limit = account.paused_by_limit
        self.pause_level = account.pause_level
        self.status_before_suspension = account.status_before_suspension
        self.idle_since = account.idle_since
        self.walked_to: datetime | None = None
        self.samples: list[EquitySample] = []
        self.postings: list[Posting] = []
        self.fills: list[Fill] = []

    def holding(self, asset: str) -> Holding:
        """Return the holding of an asset with the changes so far."""
        held = self.balances.get(asset)
        return self.account.balances.get(asset, NOTHING_HELD) if held is None else held

    def is_tracked(self, symbol: str) -> bool:
        """Tell whether the account already tracked the path of a symbol before this draft."""
        return symbol in self.account.open_order_totals or bool(self.account.position(symbol).amount)

    def has_exposure(self) -> bool:
        """Tell whether anything is held, or any order of the account is still open, with the changes so far."""
        placed = self.account.orders
        ended = sum(name in placed and not order.is_open for name, order in self.orders.items())
        return len(placed) > ended or bool(self.held_symbols())

    def position(self, symbol: str) -> Position:
        """Return the position in a symbol with the changes so far."""
        held = self.positions.get(symbol)
        return self.account.positions.get(symbol, FLAT) if held is None else held

    def edit(self, order_id: str) -> Order | None:
        """Return the draft's own copy of an order, which may be changed, or None when there is no such open order."""
        order = self.orders.get(order_id)
        if order is None:
            placed = self.account.orders.get(order_id)
            if placed is None:
                return None
            order = self.orders[order_id] = placed.copy()
        return order

    def peek(self, order_id: str) -> Order:
        """Return an order with the changes so far, for reading only."""
        return self.orders.get(order_id) or self.account.orders[order_id]

    def open_ids(self) -> list[str]:
        """Return the ids of the orders that were open or that this draft placed, oldest first.

        Orders that have ended in this draft are among them.
        """
        return list(self.account.orders) + [name for name in self.orders if name not in self.account.orders]

    def held_symbols(self) -> list[str]:
        """Return the symbols held, with the changes so far."""
        return [symbol for symbol, _ in self.held_positions()]

    def held_positions(self) -> list[tuple[str, Position]]:
        """Return what is held by symbol, with the changes so far."""
        return [held for held in _merged(self.account.positions, self.positions).items() if held[1].amount]

    def mark(self, symbol: str) -> Decimal:
        """Return the last price of a symbol on its path."""
        return self.marks[symbol] if symbol in self.marks else self.account.marks[symbol]

    def taken_of(self, book: str, side: OrderSide) -> TakenLevels:
        """Return the liquidity taken from one side of a book, with the changes so far."""
        key = (book, side)
        return self.taken[key] if key in self.taken else self.account.taken.get(key, {})

    def move(self, source: LedgerAccount, target: LedgerAccount, asset: str, amount: Decimal) -> None:
        """Post ``amount`` of an asset from one ledger account to another.

        Raises:
            InsufficientBalanceError: A ledger account of the user would become negative.

        """
        if not amount:
            return
        self._post(source, asset, -amount)
        self._post(target, asset, amount)

    def lock(self, asset: str, amount: Decimal) -> None:
        """Lock a free amount of an asset, or release a locked one if ``amount`` is negative.

        Raises:
            InsufficientBalanceError: Less is free, or less is locked.

        """
        self.change(asset, -amount, amount)
        source, target = LedgerAccount.FREE, LedgerAccount.LOCKED
        if amount < 0:
            source, target, amount = target, source, -amount
        self.postings += (Posting(source, asset, -amount), Posting(target, asset, amount))

    def _post(self, book: LedgerAccount, asset: str, amount: Decimal) -> None:
        self.postings.append(Posting(book, asset, amount))
        if book is LedgerAccount.FREE:
            self.change(asset, amount, ZERO)
        elif book is LedgerAccount.LOCKED:
            self.change(asset, ZERO, amount)

    def change(self, asset: str, free: Decimal, locked: Decimal) -> None:
        """Change a holding. The caller must record the postings.

        Raises:
            InsufficientBalanceError: The holding would become negative.

        """
        held = self.holding(asset)
        after = Holding(held.free + free, held.locked + locked)
        if after.free < 0 or after.locked < 0:
            needed, available = (-free, held.free) if after.free < 0 else (-locked, held.locked)
            raise InsufficientBalanceError(
                f"Needs {needed} {asset}. {available} {asset} is available.",
                needed=needed,
                available=available,
                asset=asset,
            )
        self.balances[asset] = after

    def commit(self, command: Command, context: MarketContext | None = None, **changes: object) -> Commit:
        """Turn the draft into a commit. ``changes`` are further fields of the account, such as ``limits``."""
        before = self.account
        placed = before.orders
        changed = {name: order for name, order in self.orders.items() if name not in placed or order != placed[name]}
        after = Account(
            user_wallet_id=before.user_wallet_id,
            terms=before.terms,
            seq=self.seq,
            epoch=before.epoch,
            at=self.at,
            status=self.status,
            limits=before.limits,
            limits_version=before.limits_version,
            balances=_merged(before.balances, self.balances),
            positions=_merged(before.positions, self.positions),
            orders=with_changes(before.orders, changed),
            open_order_totals=open_order_totals_after(before, changed),
            taken=_merged(before.taken, self.taken),
            evaluated_until=_merged(before.evaluated_until, self.evaluated_until),
            marks=_merged(before.marks, self.marks),
            opening=before.opening,
            peak=self.peak,
            day=self.day,
            reason=self.reason,
            paused_by_limit=self.paused_by_limit,
            pause_level=self.pause_level,
            status_before_suspension=self.status_before_suspension,
            forked_from=before.forked_from,
            deleted=before.deleted,
            observed_markets=_merged(before.observed_markets, self.observed_markets),
        )
        if not after.open_order_totals and not any(position.amount for position in after.positions.values()):
            after.idle_since = self.idle_since or self.at
        for name, value in changes.items():
            setattr(after, name, value)
        changed_parts = AccountChanges(
            self.balances,
            self.positions,
            self.taken,
            self.evaluated_until,
            self.marks,
            {order.symbol: after.open_order_totals.get(order.symbol, NO_OPEN_ORDERS) for order in changed.values()},
            self.observed_markets,
        )
        return Commit(
            self.rules.version,
            command,
            context,
            tuple(self.postings),
            tuple(changed.values()),
            tuple(self.fills),
            tuple(self.samples),
            self.walked_to,
            changed_parts,
            after,
        )


def _merged(before: Mapping[Key, Value], changes: Mapping[Key, Value]) -> Mapping[Key, Value]:
    return {**before, **changes} if changes else before
