"""Orders and fills as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from moniqo.domain.market import Level
from moniqo.domain.money import ZERO


class OrderSide(StrEnum):
    """Which way base asset moves."""

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
    """Where an order is in its life; ``unknown`` and ``rejected`` exist only for live orders."""

    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class TimeInForce(StrEnum):
    """How long an order lives."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    DAY = "DAY"
    GTD = "GTD"


class Liquidity(StrEnum):
    """Whether a fill waited in the book (maker) or met one that did (taker)."""

    MAKER = "maker"
    TAKER = "taker"


OPEN_STATUSES: Final = frozenset({OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED})

_AVERAGE_UNIT: Final = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Fill:
    """One exchange of base for quote: ``quote`` is what changed hands, without ``fee``."""

    fill_id: str
    order_id: str
    symbol: str
    side: OrderSide
    amount: Decimal
    quote: Decimal
    levels: tuple[Level, ...]
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    at: datetime

    @property
    def price(self) -> Decimal:
        """Average price over its levels, at 8 places; ``quote`` and ``levels`` are the exact numbers."""
        return average_price(self.quote, self.amount)


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a demo wallet.

    ``locked`` is what it holds of the wallet's funds: quote asset for a buy, base asset for a sell. ``fee_accrued`` is
    the exact sum of rate x notional whose ceiling is ``fee``.
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
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee_accrued: Decimal = ZERO
    fee: Decimal = ZERO
    locked: Decimal = ZERO
    fill_count: int = 0
    status_history: tuple[tuple[OrderStatus, datetime], ...] = ()
    quote_amount: Decimal | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    receipt: Mapping[str, object] = field(default_factory=dict)

    @property
    def remaining(self) -> Decimal:
        """Amount that has not filled."""
        return self.amount - self.filled_amount

    @property
    def is_open(self) -> bool:
        """Tell whether the order can still fill or be cancelled."""
        return self.status in OPEN_STATUSES

    @property
    def average_fill_price(self) -> Decimal | None:
        """Average price so far, at 8 places; None before the first fill."""
        return average_price(self.filled_quote, self.filled_amount) if self.filled_amount else None


def average_price(quote: Decimal, amount: Decimal) -> Decimal:
    """Return quote per amount, rounded half even at 8 places, for showing."""
    return (quote / amount).quantize(_AVERAGE_UNIT, ROUND_HALF_EVEN)
