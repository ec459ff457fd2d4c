"""The requests to place an order and to close a position, the same for every kind of wallet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo_core.domain.added_fields import ADDED, given_fields
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce


@dataclass(frozen=True, slots=True)
class ExitSpec:
    """Trigger of an exit attached to an entry: ``stop_price``, or ``percent`` away from the average fill price."""

    stop_price: Decimal | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as it was requested: ``amount`` of the base asset, or ``quote_amount`` for a market order."""

    symbol: str
    side: OrderSide
    type: OrderType
    amount: Decimal | None = None
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: datetime | None = None
    post_only: bool = False
    reduce_only: bool = False
    stop_loss: ExitSpec | None = None
    take_profit: ExitSpec | None = None
    client_order_id: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_exits(self) -> bool:
        """Whether the order attaches a stop-loss or take-profit exit."""
        return self.stop_loss is not None or self.take_profit is not None

    def body_hash(self) -> str:
        """Return a hash that distinguishes a repeat from another request with the same ``client_order_id``.

        Amounts count by value, so 0.1 and 0.10 give the same hash.
        """
        return hashlib.sha256(json.dumps(given_fields(self), sort_keys=True, default=_normal).encode()).hexdigest()


_ALL_OF_IT: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Sell everything held of a symbol at market, or a part: an ``amount`` of the base asset, or a ``percent`` of it.

    Before the whole position is sold, open sells of the symbol are cancelled. ``client_order_id`` becomes that of the
    sell order.
    """

    symbol: str
    client_order_id: str | None = field(default=None, metadata=ADDED)
    amount: Decimal | None = field(default=None, metadata=ADDED)
    percent: Decimal | None = field(default=None, metadata=ADDED)

    @property
    def is_whole(self) -> bool:
        """Whether the request names no part of the position, or 100 percent."""
        return self.amount is None and self.percent in {None, _ALL_OF_IT}

    def body_hash(self) -> str:
        """Return a hash that distinguishes a repeat from another request with the same ``client_order_id``.

        The amount that is sold is not in it, because a repeat finds the position closed. The part that the request
        names is.
        """
        part = {"amount": self.amount, "percent": self.percent}
        body = {"close": self.symbol, **{name: plain(value) for name, value in part.items() if value is not None}}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


REPLACEABLE: Final = ("amount", "price", "stop_price", "trail_percent")
"""The fields of an open order that a replacement may change."""


@dataclass(frozen=True, slots=True)
class ReplaceOrder:
    """Change an open order in place. A field of None stays as it is.

    ``amount`` is the new total, including what has filled already. ``if_filled_amount`` is the filled amount that the
    caller knows. The order stays unchanged when it has another one.
    """

    order_id: str
    amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    if_filled_amount: Decimal | None = None

    @property
    def changes(self) -> Mapping[str, Decimal]:
        """The new values by name."""
        given = {name: getattr(self, name) for name in REPLACEABLE}
        return {name: value for name, value in given.items() if value is not None}


def _normal(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, ExitSpec):
        return [value.stop_price, value.percent]
    return str(value)
