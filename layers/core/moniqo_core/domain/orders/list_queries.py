"""Parameters of lists of orders and fills, for paper and live wallets. Both lists are newest first."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.record import OrderRecord


class OrderQuery(NamedTuple):
    """A page of orders that begins after the cursor ``after``. ``only_open`` of None lists open and closed orders.

    ``since`` (inclusive) and ``until`` (exclusive) bound the time at which an order was created.
    """

    limit: int
    only_open: bool | None = None
    symbol: str | None = None
    after: tuple[int, int] | None = None
    side: OrderSide | None = None
    type: OrderType | None = None
    client_order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def admits(self, side: OrderSide, kind: OrderType, client_order_id: str | None, created_at: datetime) -> bool:
        """Tell whether an order with these values is wanted, whatever its status and symbol."""
        return (
            self.side in {None, side}
            and self.type in {None, kind}
            and self.client_order_id in {None, client_order_id}
            and (self.since is None or created_at >= self.since)
            and (self.until is None or created_at < self.until)
        )


class OrderPosition(NamedTuple):
    """The place of an order in a list over several wallets, which begins with the highest position.

    Later orders are higher. Of orders of the same moment, the wallet's id decides, then the number in the wallet.
    """

    created_at: datetime
    user_wallet_id: str
    seq: int
    number: int

    @classmethod
    def of(cls, record: OrderRecord) -> OrderPosition:
        """Return the position of an order, whose id is ``o-{seq}-{number}``."""
        _, seq, number = record.order_id.split("-")
        return cls(record.created_at, record.user_wallet_id, int(seq), int(number))


class FillQuery(NamedTuple):
    """A page of fills that begins after the cursor ``after``, from ``since`` (inclusive) to ``until`` (exclusive)."""

    limit: int
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[int, int] | None = None
