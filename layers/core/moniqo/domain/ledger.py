"""The account of a demo wallet and the commits that change it.

An :class:`Account` is what the journal adds up to. A command is decided on a :class:`Draft` of it; :meth:`Draft.commit`
gives the :class:`Commit`: postings that sum to zero per asset, the orders it touched, and the account after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from moniqo.domain.command import Command
from moniqo.domain.errors import InsufficientBalanceError
from moniqo.domain.market import Market, Snapshot
from moniqo.domain.matching import Taken
from moniqo.domain.money import ZERO
from moniqo.domain.order import Fill, Order, OrderSide
from moniqo.domain.position import Position
from moniqo.domain.risk import RiskLimits

RULES_VERSION: Final = 1
"""Version of the rules a commit was decided by; an entry keeps it, so a replay uses the same ones."""


class Book(StrEnum):
    """The accounts postings move between: two of the user's and three that stand for the world."""

    FREE = "free"
    LOCKED = "locked"
    MARKET = "market"
    FEES = "fees"
    FAUCET = "faucet"


class Posting(NamedTuple):
    """One side of a movement; the postings of a commit sum to zero per asset."""

    book: Book
    asset: str
    amount: Decimal


class Holding(NamedTuple):
    """What is held of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What a demo account was opened on; it keeps these when the wallet definition changes later.

    Fees are percent (0.1 is 0.1%), slippage is in basis points. ``symbols`` of None trades all the feed has in
    ``cash_asset``. ``limits`` of None sets no risk limits (an account of a script).
    """

    user_id: str
    initial_balance: Decimal
    cash_asset: str
    maker_fee_percent: Decimal
    taker_fee_percent: Decimal
    slippage_bps: Decimal
    symbols: tuple[str, ...] | None = None
    limits: RiskLimits | None = None

    @property
    def maker_rate(self) -> Decimal:
        """Maker fee as a share of notional."""
        return self.maker_fee_percent.scaleb(-2)

    @property
    def taker_rate(self) -> Decimal:
        """Taker fee as a share of notional."""
        return self.taker_fee_percent.scaleb(-2)


TakenBook = Mapping[Decimal, Taken]


@dataclass(frozen=True, slots=True)
class Account:
    """The state of a demo wallet after commit ``seq``. ``orders`` holds the open ones by id, oldest first.

    ``taken`` remembers per (symbol, side) what was taken of the shown book, ``evaluated_until`` per symbol how far
    the path has been walked for its open orders.
    """

    user_wallet_id: str
    terms: AccountTerms
    seq: int
    epoch: int
    at: datetime
    status: str
    limits: RiskLimits | None
    limits_version: int
    balances: Mapping[str, Holding]
    positions: Mapping[str, Position] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    taken: Mapping[tuple[str, OrderSide], TakenBook] = field(default_factory=dict)
    evaluated_until: Mapping[str, datetime] = field(default_factory=dict)
    reason: str | None = None
    deleted: bool = False

    def holding(self, asset: str) -> Holding:
        """Holding of an asset, zero when there never was one."""
        return self.balances.get(asset, _NOTHING)

    def position(self, symbol: str) -> Position:
        """Position of a symbol, empty when it never traded."""
        return self.positions.get(symbol, _FLAT)


_NOTHING: Final = Holding()
_FLAT: Final = Position()


@dataclass(frozen=True, slots=True)
class Basis:
    """What a decision looks at: the order's market and snapshot, and the mid price of every symbol that counts."""

    market: Market
    snapshot: Snapshot
    marks: Mapping[str, Decimal]
    usd_rate: Decimal


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of the journal together with the account it leads to."""

    command: Command
    basis: Basis | None
    postings: tuple[Posting, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    touched: Touched
    after: Account


class Touched(NamedTuple):
    """Names of the parts of the account that a commit changed."""

    balances: frozenset[str]
    positions: frozenset[str]
    taken: frozenset[tuple[str, OrderSide]]
    evaluated_until: frozenset[str]


class Draft:
    """An account being changed; nothing of it counts before :meth:`commit`."""

    def __init__(self, account: Account, now: datetime) -> None:
        """Start from ``account``; commit time never goes back, whatever the clock says."""
        self.account = account
        self.at = max(now, account.at)
        self.seq = account.seq + 1
        self.balances: dict[str, Holding] = {}
        self.positions: dict[str, Position] = {}
        self.orders: dict[str, Order] = {}
        self.taken: dict[tuple[str, OrderSide], TakenBook] = {}
        self.evaluated_until: dict[str, datetime] = {}
        self.postings: list[Posting] = []
        self.fills: list[Fill] = []

    def holding(self, asset: str) -> Holding:
        """Holding with the changes so far."""
        return self.balances.get(asset) or self.account.holding(asset)

    def position(self, symbol: str) -> Position:
        """Position with the changes so far."""
        return self.positions.get(symbol) or self.account.position(symbol)

    def order(self, order_id: str) -> Order:
        """Order with the changes so far."""
        return self.orders.get(order_id) or self.account.orders[order_id]

    def taken_of(self, symbol: str, side: OrderSide) -> TakenBook:
        """Memory of taken liquidity with the changes so far."""
        key = (symbol, side)
        return self.taken[key] if key in self.taken else self.account.taken.get(key, {})

    def move(self, source: Book, target: Book, asset: str, amount: Decimal) -> None:
        """Post ``amount`` from one book to another.

        Raises:
            InsufficientBalanceError: when a book of the user would go below zero.

        """
        if not amount:
            return
        self._post(source, asset, -amount)
        self._post(target, asset, amount)

    def _post(self, book: Book, asset: str, amount: Decimal) -> None:
        self.postings.append(Posting(book, asset, amount))
        if book is Book.FREE:
            held = self.holding(asset)
            self.balances[asset] = Holding(_not_negative(held.free, amount, asset), held.locked)
        elif book is Book.LOCKED:
            held = self.holding(asset)
            self.balances[asset] = Holding(held.free, _not_negative(held.locked, amount, asset))

    def commit(self, command: Command, basis: Basis | None = None, **changes: object) -> Commit:
        """Close the draft; ``changes`` are further fields of the account (status, limits, ...)."""
        before = self.account
        orders = {**before.orders, **self.orders} if self.orders else before.orders
        if any(not order.is_open for order in self.orders.values()):
            orders = {name: order for name, order in orders.items() if order.is_open}
        after = replace(
            before,
            seq=self.seq,
            at=self.at,
            balances={**before.balances, **self.balances},
            positions={**before.positions, **self.positions},
            orders=orders,
            taken={**before.taken, **self.taken},
            evaluated_until={**before.evaluated_until, **self.evaluated_until},
            **changes,  # type: ignore[arg-type]
        )
        touched = Touched(
            frozenset(self.balances), frozenset(self.positions), frozenset(self.taken), frozenset(self.evaluated_until)
        )
        return Commit(
            command, basis, tuple(self.postings), tuple(self.orders.values()), tuple(self.fills), touched, after
        )


def _not_negative(held: Decimal, change: Decimal, asset: str) -> Decimal:
    left = held + change
    if left < 0:
        raise InsufficientBalanceError(
            f"{-change} {asset} are needed, {held} {asset} are free", needed=-change, available=held, asset=asset
        )
    return left


def first_account(user_wallet_id: str, terms: AccountTerms, now: datetime) -> Account:
    """Return the account before its first commit: nothing in it, sequence 0."""
    return Account(
        user_wallet_id=user_wallet_id,
        terms=terms,
        seq=0,
        epoch=1,
        at=now,
        status="active",
        limits=terms.limits,
        limits_version=1,
        balances={},
    )
