"""Results of wallet operations, the same for every kind of wallet. Amounts are exact ``Decimal``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType


@dataclass(frozen=True, slots=True)
class WalletBalance:
    """Holdings of one asset: ``total = free + locked``."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free plus locked amount."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True)
class MarketPrice:
    """The best prices of a symbol at ``timestamp`` (venue time)."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    timestamp: datetime

    @property
    def mid(self) -> Decimal:
        """Midpoint of bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Decimal:
        """Ask minus bid, in the quote asset."""
        return self.ask - self.bid


@dataclass(frozen=True, slots=True)
class WalletPosition:
    """A holding with its cost. ``average_cost`` excludes fees, which reduce ``realised_pnl`` when they are paid.

    ``average_cost`` is rounded to 8 places, ``cost`` is exact. ``mark_price`` is the current mark price, which is the
    mid price while the spread is sane. Cost and PnL are None when the account's fills do not explain the holding,
    because some of it came from elsewhere.
    """

    symbol: str
    amount: Decimal
    average_cost: Decimal | None
    realised_pnl: Decimal | None
    unrealised_pnl: Decimal | None
    fees: Decimal | None
    cost: Decimal | None = ZERO
    mark_price: Decimal | None = None


class PositionReport(NamedTuple):
    """Positions at the time ``as_of``. ``stale`` tells that the market could not be evaluated up to it."""

    items: tuple[WalletPosition, ...]
    evaluated_until: datetime
    stale: bool
    as_of: datetime
    mode: Literal["paper", "live"] = "paper"


@dataclass(frozen=True, slots=True)
class OrderResult:
    """An order as its venue currently reports it."""

    order_id: str
    symbol: str
    side: OrderSide
    order_type: OrderType
    status: OrderStatus
    price: Decimal | None
    amount: Decimal
    filled_amount: Decimal
    average_fill_price: Decimal | None
    fee: Decimal
    fee_currency: str
    timestamp: datetime
    metadata: Mapping[str, object] = field(default_factory=dict)
    client_order_id: str | None = None
    filled_quote: Decimal = ZERO
