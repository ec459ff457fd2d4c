"""Orders and fills as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.status_history import OrderChange, extended_history


def numbered_order_id(seq: int, number: int = 1) -> str:
    """Return the id of the ``number``-th order of the journal entry or live intent ``seq``, such as ``o-12-1``."""
    return f"o-{seq}-{number}"


def order_age(order_id: str) -> tuple[int, int]:
    """Return the age of an order id ``o-{seq}-{n}``: the entry that accepted it, and its number in that entry.

    Raises:
        ValueError: it is not such an id.

    """
    _, seq, number = order_id.split("-")
    return int(seq), int(number)


class OrderSide(StrEnum):
    """Whether an order buys or sells the base asset."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """When and at what price an order may fill."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class OrderStatus(StrEnum):
    """The status of an order. Only live orders can be ``unknown`` or ``rejected``."""

    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


HistoryMark = OrderStatus | OrderChange
"""What an entry of the history of an order says: the status that the order entered, or how it changed."""


class TimeInForce(StrEnum):
    """How long an order stays open."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    DAY = "DAY"
    GTD = "GTD"


class Liquidity(StrEnum):
    """Whether the order rested in the order book (maker) or met one that did (taker)."""

    MAKER = "maker"
    TAKER = "taker"


OPEN_STATUSES: Final = frozenset({OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED})

_AVERAGE_UNIT: Final = Decimal("0.00000001")


class Fill(NamedTuple):
    """One exchange of base asset for quote asset. ``quote`` is the amount exchanged, without ``fee``."""

    fill_id: str
    order_id: str
    symbol: str
    side: OrderSide
    amount: Decimal
    quote: Decimal
    levels: tuple[PriceLevel, ...]
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity | None
    at: datetime
    realised: Decimal = ZERO
    """Change of realised PnL: proceeds - released cost - fee. For a buy it is the fee alone, as a negative number."""

    @property
    def price(self) -> Decimal:
        """Average price over all levels, rounded to 8 places. ``quote`` and ``levels`` are exact."""
        return average_price(self.quote, self.amount)


class Receipt(NamedTuple):
    """What an order was decided on. The journal entry ``seq`` holds the rest."""

    seq: int
    rules_version: int
    limits_version: int
    maker_fee_percent: Decimal
    taker_fee_percent: Decimal
    bid: Decimal
    ask: Decimal
    quoted_at: datetime
    source: str


@dataclass(slots=True)
class Order:
    """An order of a demo wallet. Only a draft changes an order, and only its own copy.

    ``locked`` is the amount of the wallet's funds that the order locks: quote asset for a buy, base asset for a sell.
    ``fee_accrued`` is the exact sum of rate x notional over its fills, and ``fee`` is what was charged of it, rounded
    up. ``triggered`` is True for a stop_limit order whose limit is in the book, and ``triggered_at`` is the time when
    it was triggered. ``trail_mark`` is the highest bid since a trailing stop was placed. An attached exit names its
    entry order in ``entry``. ``exit_percent`` is the distance of its trigger from the average fill price, if it was
    given in percent. ``active_from`` is the time from which an exit or a replaced order is matched against the path.
    For other orders that is ``created_at``. ``filled_when_replaced`` is what a limit in the book had filled when it was
    last replaced, apart from a mere smaller amount. ``later_fields`` are stored fields of a later release. They mean
    nothing here, and stay with the order.
    """

    order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    type: OrderType
    status: OrderStatus
    amount: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    post_only: bool
    created_at: datetime
    updated_at: datetime
    fee_currency: str
    receipt: Receipt
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee_accrued: Decimal = ZERO
    fee: Decimal = ZERO
    locked: Decimal = ZERO
    fill_count: int = 0
    status_history: tuple[tuple[HistoryMark, datetime], ...] = ()
    quote_amount: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    trail_mark: Decimal | None = None
    expires_at: datetime | None = None
    reduce_only: bool = False
    triggered: bool = False
    triggered_at: datetime | None = None
    active_from: datetime | None = None
    filled_when_replaced: Decimal | None = None
    entry: str | None = None
    exit_percent: Decimal | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    later_fields: Mapping[str, object] = field(default_factory=dict)

    def copy(self) -> Order:
        """Return a copy that may be changed."""
        twin: Order = object.__new__(Order)
        for name in _FIELDS:
            setattr(twin, name, getattr(self, name))
        return twin

    def become(self, status: OrderStatus, at: datetime) -> None:
        """Change to ``status``. The history grows only when the status changes."""
        if self.status is not status or not self.status_history:
            self.status_history = extended_history(self.status_history, status, at)
        self.status = status
        self.updated_at = at

    def note_replacement(self, at: datetime) -> None:
        """Record that the order was replaced. Its status stays."""
        self.status_history = extended_history(self.status_history, OrderChange.REPLACED, at)
        self.updated_at = at

    @property
    def age(self) -> tuple[int, str]:
        """The key that sorts orders, oldest first. A replacement that costs an order its age renews its receipt."""
        return self.receipt.seq, self.order_id

    @property
    def base(self) -> str:
        """Base asset of the symbol, which has the form BASE/QUOTE."""
        return self.symbol.partition("/")[0]

    @property
    def lock_asset(self) -> str:
        """Asset that the order locks, which is the one it pays with."""
        return self.fee_currency if self.side is OrderSide.BUY else self.base

    @property
    def remaining(self) -> Decimal:
        """Amount that has not filled yet."""
        return self.amount - self.filled_amount

    @property
    def is_open(self) -> bool:
        """Tell whether the order can still fill or be cancelled."""
        return self.status in OPEN_STATUSES

    @property
    def rests(self) -> bool:
        """Tell whether the order is a limit in the book."""
        return self.type is OrderType.LIMIT or self.triggered

    @property
    def average_fill_price(self) -> Decimal | None:
        """Average price so far, rounded to 8 places, or None before the first fill."""
        return average_price(self.filled_quote, self.filled_amount) if self.filled_amount else None


_FIELDS: Final = tuple(Order.__slots__)


def average_price(quote: Decimal, amount: Decimal) -> Decimal:
    """Return quote per amount for display, rounded half even to 8 places."""
    return (quote / amount).quantize(_AVERAGE_UNIT, ROUND_HALF_EVEN)
