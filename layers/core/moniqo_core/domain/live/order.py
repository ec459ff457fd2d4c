"""An order of a live wallet, and what a venue reports of one, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OPEN_STATUSES, OrderStatus
from moniqo_core.domain.orders.request import OrderRequest

SEND_WITHIN: Final = timedelta(seconds=10)
"""How long after switch, status and limits were read an intent may still be sent."""

_ENDED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class VenueReport(NamedTuple):
    """What a venue says of an order. ``status`` is None when it took the order and did not say more."""

    venue_order_id: str
    status: OrderStatus | None
    amount: Decimal
    filled_amount: Decimal
    filled_quote: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order of a live wallet; ``seq`` counts the orders of its wallet.

    ``venue`` is the slug of the wallet's definition and ``venue_client_id`` the id the order is sent under. ``token``
    tells whose intent it is when a write is sent twice.
    ``holds_client_id`` is False once the venue refused the order: its client order id may be used again.
    ``acknowledged_at`` is when the venue last reported it, ``reconcile_at`` when to ask next, None when all is known.
    ``misses`` counts queries in a row that did not find it, ``queries_without_news`` those that brought nothing new.
    ``stored_fill_amount`` is the amount of the fills that are kept. ``reason`` says why it was rejected. ``version``
    counts the writes.
    """

    user_wallet_id: str
    user_id: str
    venue: str
    seq: int
    venue_client_id: str
    token: str
    body_hash: str
    request: OrderRequest
    created_at: datetime
    updated_at: datetime
    status: OrderStatus
    status_history: tuple[tuple[OrderStatus, datetime], ...]
    reconcile_at: datetime | None
    amount: Decimal
    fee_currency: str
    version: int = 1
    holds_client_id: bool = True
    venue_order_id: str | None = None
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    fee: Decimal = ZERO
    stored_fill_amount: Decimal = ZERO
    acknowledged_at: datetime | None = None
    misses: int = 0
    queries_without_news: int = 0
    reason: str | None = None

    @property
    def order_id(self) -> str:
        """Our id, of the form a paper wallet's orders have."""
        return f"o-{self.seq}-1"

    @property
    def send_by(self) -> datetime:
        """Until when it may be sent; after that nobody does."""
        return self.created_at + SEND_WITHIN

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more can fill."""
        return self.status in _ENDED

    @property
    def is_at_venue(self) -> bool:
        """Tell whether the venue is known to have it open."""
        return self.status in OPEN_STATUSES and self.venue_order_id is not None

    @property
    def lacks_fills(self) -> bool:
        """Tell whether more filled than the fills that are kept add up to."""
        return self.stored_fill_amount < self.filled_amount
