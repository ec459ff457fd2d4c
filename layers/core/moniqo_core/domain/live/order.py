"""An order of a live wallet, and a venue's report of an order, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.order import OPEN_STATUSES, OrderStatus, numbered_order_id
from moniqo_core.domain.orders.request import OrderRequest

SEND_WITHIN: Final = timedelta(seconds=10)
"""How long an intent may be sent after the live-trading switch, status and limits were read."""

OPEN_WITHIN: Final = timedelta(seconds=1)
"""How much of that time opening the wallet may take. After a longer wait, they are read again."""

ENDED_STATUSES: Final = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)


class VenueReport(NamedTuple):
    """A venue's report of an order. ``status`` is None when the venue only confirmed that it accepted the order."""

    venue_order_id: str
    status: OrderStatus | None
    amount: Decimal
    filled_amount: Decimal
    filled_quote: Decimal
    fee: Decimal
    fee_currency: str


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order of a live wallet. ``seq`` counts the orders of its wallet.

    ``venue`` is the slug of the wallet's definition, and ``venue_client_id`` the id under which the order is sent.
    ``token`` identifies the writer of an intent when a write is repeated. ``holds_client_id`` is False once the venue
    refused the order, so that its client order id may be used again. ``acknowledged_at`` is when the venue last
    reported it. ``reconcile_at`` is when to query it next, or None when everything is known. ``misses`` counts
    consecutive queries that did not find it, and ``queries_without_news`` those that brought nothing new.
    ``stored_fill_amount`` is the total amount of the stored fills. ``reason`` tells why it was rejected or expired.
    ``version`` counts the changes that are news, and every
    write of the release before.
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
        """Id of the order in this service, in the same form as for a paper order."""
        return numbered_order_id(self.seq)

    @property
    def send_by(self) -> datetime:
        """Last time at which the order may be sent."""
        return self.created_at + SEND_WITHIN

    @property
    def has_ended(self) -> bool:
        """Tell whether no more can fill."""
        return self.status in ENDED_STATUSES

    @property
    def is_at_venue(self) -> bool:
        """Tell whether the order is known to be open at the venue."""
        return self.status in OPEN_STATUSES and self.venue_order_id is not None

    @property
    def lacks_fills(self) -> bool:
        """Tell whether the stored fills add up to less than the filled amount."""
        return self.stored_fill_amount < self.filled_amount
