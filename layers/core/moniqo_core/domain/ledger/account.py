"""The state of a demo wallet: what its journal adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.market.market import SIMULATED, Market, PriceLevel
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Order, OrderSide
from moniqo_core.domain.portfolio.holding import NOTHING_HELD, Holding
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.risk.loss_limits import LocalDay


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What a demo account was opened on; it keeps these when the wallet definition changes later.

    Fees are percent (0.1 is 0.1%), slippage is in basis points. ``symbols`` of None trades all the feed has in
    ``cash_asset``. ``limits`` of None sets no risk limits (an account of a script). ``feed`` names where its path comes
    from: the simulated market, or the one venue whose candles its resting orders meet.
    """

    user_id: str
    initial_balance: Decimal
    cash_asset: str
    maker_fee_percent: Decimal
    taker_fee_percent: Decimal
    slippage_bps: Decimal
    symbols: tuple[str, ...] | None = None
    limits: RiskLimits | None = None
    feed: str = SIMULATED

    @property
    def uses_venue_prices(self) -> bool:
        """Whether prices are those of a venue."""
        return self.feed != SIMULATED

    @property
    def maker_rate(self) -> Decimal:
        """Maker fee as a share of notional."""
        return self.maker_fee_percent.scaleb(-2)

    @property
    def taker_rate(self) -> Decimal:
        """Taker fee as a share of notional."""
        return self.taker_fee_percent.scaleb(-2)


class OpenOrderTotals(NamedTuple):
    """Open orders of a symbol: how many, how many of them expire, and how much the buys among them still buy."""

    orders: int = 0
    expiring: int = 0
    buying: Decimal = ZERO

    def plus(self, more: OpenOrderTotals, less: OpenOrderTotals) -> OpenOrderTotals:
        """Add the totals of one order and take away those of another."""
        return OpenOrderTotals(
            self.orders + more.orders - less.orders,
            self.expiring + more.expiring - less.expiring,
            self.buying + more.buying - less.buying,
        )


class ObservedMarket(NamedTuple):
    """What a venue said of a symbol when an order on it was last decided: its steps, and half of its spread.

    The path of a venue says neither; a walk must not depend on when it is made.
    """

    market: Market
    half_spread: Decimal


@dataclass(slots=True)
class Account:
    """The state of a demo wallet after commit ``seq``; a decision makes a new one and never changes it.

    ``orders`` holds the open ones by id, oldest first; ``open_order_totals`` sums them up per symbol, so that
    a decision need not read each. ``taken`` remembers per (book, side) what was taken of a shown book;
    ``observed_markets`` has symbols whose prices come from a venue only.
    ``evaluated_until`` says per symbol that is held or has open orders how far its path was walked, ``marks`` what
    its last point was. ``opening`` is cash and cost basis at the start of the epoch, ``peak`` the highest equity
    since; amounts are in the cash asset. ``idle_since`` says from when on nothing was at stake, None while
    something is.
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
    open_order_totals: Mapping[str, OpenOrderTotals] = field(default_factory=dict)
    taken: Mapping[tuple[str, OrderSide], TakenLevels] = field(default_factory=dict)
    evaluated_until: Mapping[str, datetime] = field(default_factory=dict)
    marks: Mapping[str, Decimal] = field(default_factory=dict)
    opening: Decimal = ZERO
    peak: Decimal = ZERO
    day: LocalDay | None = None
    reason: str | None = None
    paused_by_limit: bool = False
    forked_from: str | None = None
    deleted: bool = False
    idle_since: datetime | None = None
    observed_markets: Mapping[str, ObservedMarket] = field(default_factory=dict)

    def holding(self, asset: str) -> Holding:
        """Holding of an asset, zero when there never was one."""
        return self.balances.get(asset, NOTHING_HELD)

    def position(self, symbol: str) -> Position:
        """Position of a symbol, empty when it never traded."""
        return self.positions.get(symbol, FLAT)

    @property
    def tracked_symbols(self) -> list[str]:
        """Symbols whose path matters: those held and those with open orders, by name."""
        held = {symbol for symbol, position in self.positions.items() if position.amount}
        return sorted(self.open_order_totals.keys() | held)


FLAT: Final = Position()


def open_order_totals_of(order: Order | None) -> OpenOrderTotals:
    """What one order adds to the totals of its symbol."""
    if order is None or not order.is_open:
        return NO_OPEN_ORDERS
    buying = order.side is OrderSide.BUY and order.price is not None
    return OpenOrderTotals(1, int(order.expires_at is not None), order.remaining if buying else ZERO)


def sum_open_order_totals(orders: Iterable[Order]) -> dict[str, OpenOrderTotals]:
    """Sum up open orders per symbol."""
    found: dict[str, OpenOrderTotals] = {}
    for order in orders:
        found[order.symbol] = found.get(order.symbol, NO_OPEN_ORDERS).plus(open_order_totals_of(order), NO_OPEN_ORDERS)
    return found


NO_OPEN_ORDERS: Final = OpenOrderTotals()


def open_order_totals_after(before: Account, changed: Mapping[str, Order]) -> Mapping[str, OpenOrderTotals]:
    """Sum up open orders anew for the symbols of changed ones."""
    if not changed:
        return before.open_order_totals
    open_order_totals = dict(before.open_order_totals)
    for name, order in changed.items():
        was, now = open_order_totals_of(before.orders.get(name)), open_order_totals_of(order)
        if now is was:
            continue
        known = open_order_totals.get(order.symbol, NO_OPEN_ORDERS)
        total = known.plus(now, was)
        if total.orders:
            open_order_totals[order.symbol] = total
        else:
            open_order_totals.pop(order.symbol, None)
    return open_order_totals


def unopened_account(user_wallet_id: str, terms: AccountTerms, now: datetime) -> Account:
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
        forked_from=None,
    )


TakenLevels = Mapping[PriceLevel, Decimal]
"""How much a wallet took of each level: gone for it until the level shows another size, and so is another level.

What a market order took beyond the book counts on the last level, of which more may be gone than it shows.
"""
