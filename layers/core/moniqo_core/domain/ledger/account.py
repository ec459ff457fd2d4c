"""The state of a demo wallet, which results from all entries of its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.open_orders import with_changes
from moniqo_core.domain.market.market import SIMULATED, Market, PriceLevel
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus
from moniqo_core.domain.portfolio.holding import NOTHING_HELD, Holding
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.risk.loss_limits import LocalDay
from moniqo_core.domain.wallets.pause_level import PauseLevel


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """The terms on which a demo account was opened. Later changes of the wallet definition do not affect them.

    Fees are in percent (0.1 is 0.1%), slippage is in basis points. ``symbols`` of None allows every symbol of the feed
    that is quoted in ``cash_asset``. ``limits`` of None sets no risk limits, as for an account of a script. ``feed``
    names the source of the path: the simulated market, or the one venue whose candles the resting orders are matched
    against.
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
        """Whether prices come from a venue."""
        return self.feed != SIMULATED

    @property
    def maker_rate(self) -> Decimal:
        """Maker fee as a fraction of the notional."""
        return self.maker_fee_percent.scaleb(-2)

    @property
    def taker_rate(self) -> Decimal:
        """Taker fee as a fraction of the notional."""
        return self.taker_fee_percent.scaleb(-2)


class OpenOrderTotals(NamedTuple):
    """Totals of the open orders of one symbol.

    ``expiring`` counts the orders that have an expiry. ``buying`` is the amount of the base asset that buys with a
    limit can still buy.
    """

    orders: int = 0
    expiring: int = 0
    buying: Decimal = ZERO

    def plus(self, more: OpenOrderTotals, less: OpenOrderTotals) -> OpenOrderTotals:
        """Add the totals of one order and subtract those of another."""
        return OpenOrderTotals(
            self.orders + more.orders - less.orders,
            self.expiring + more.expiring - less.expiring,
            self.buying + more.buying - less.buying,
        )


class ObservedMarket(NamedTuple):
    """Steps and half spread of a venue's market, as observed when an order on the symbol was last decided.

    The recorded path of a venue contains neither. A walk uses these values, so that its result does not depend on the
    time at which it is made.
    """

    market: Market
    half_spread: Decimal


@dataclass(slots=True)
class Account:
    """The state of a demo wallet after commit ``seq``.

    A decision makes a new account and never changes this one. ``orders`` holds the open orders by id, oldest first.
    ``open_order_totals`` sums them up per symbol, so that a decision need not read each of them. ``taken`` records per
    book and side the liquidity that the wallet has taken from a shown book. ``observed_markets`` has only symbols whose
    prices come from a venue.

    ``evaluated_until`` tells for each symbol that is held or has open orders how far its path was walked, and ``marks``
    has its last price. ``opening`` is cash plus cost basis at the start of the epoch, and ``peak`` is the highest
    equity since. Amounts are in the cash asset. ``idle_since`` is the time since which the account has had no holdings
    and no open orders, or None while it has either.

    ``pause_level`` is the level that the owner chose for a pause. It is None for a pause by a loss limit, and for a
    pause that version 1 of the rules decided. ``paused_by_limit`` says that a loss limit paused the wallet. A
    suspension keeps both. ``status_before_suspension`` is the status to restore when the suspension is lifted. It is
    None while the wallet is not suspended, and in a suspension that version 0.1.0 recorded.
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
    status_before_suspension: str | None = None
    forked_from: str | None = None
    deleted: bool = False
    idle_since: datetime | None = None
    pause_level: PauseLevel | None = None
    observed_markets: Mapping[str, ObservedMarket] = field(default_factory=dict)

    def holding(self, asset: str) -> Holding:
        """Return the holding of an asset, which is zero if there never was one."""
        return self.balances.get(asset, NOTHING_HELD)

    def position(self, symbol: str) -> Position:
        """Return the position in a symbol, which is empty if it never traded."""
        return self.positions.get(symbol, FLAT)

    @property
    def tracked_symbols(self) -> list[str]:
        """Symbols whose path must be walked, ordered by name: those held and those with open orders."""
        held = {symbol for symbol, position in self.positions.items() if position.amount}
        return sorted(self.open_order_totals.keys() | held)


FLAT: Final = Position()


def open_order_totals_of(order: Order) -> OpenOrderTotals:
    """Return what one order adds to the totals of its symbol."""
    if not order.is_open:
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
    """Return the totals after a change, updated for the symbols of the changed orders."""
    if not changed:
        return before.open_order_totals
    open_order_totals = dict(before.open_order_totals)
    for name, order in changed.items():
        was = open_order_totals_of(before.orders[name]) if name in before.orders else NO_OPEN_ORDERS
        now = open_order_totals_of(order)
        if now is was:
            continue
        known = open_order_totals.get(order.symbol, NO_OPEN_ORDERS)
        total = known.plus(now, was)
        if total.orders:
            open_order_totals[order.symbol] = total
        else:
            open_order_totals.pop(order.symbol, None)
    return open_order_totals


def without_order(account: Account, order: Order) -> Account:
    """Return an account as if one of its open orders had ended. The lock of the order stays."""
    ended = order.copy()
    ended.status = OrderStatus.CANCELLED
    changed = {order.order_id: ended}
    return replace(
        account,
        orders=with_changes(account.orders, changed),
        open_order_totals=open_order_totals_after(account, changed),
    )


def unopened_account(user_wallet_id: str, terms: AccountTerms, now: datetime) -> Account:
    """Return the account before its first commit: empty, with sequence number 0."""
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
"""Amount of the base asset that a wallet has taken from each level.

It stays unavailable to that wallet until the level is shown with another size, which makes it another level. The part
of a market order beyond the book counts on the last level, so more can be taken from that level than it shows.
"""
