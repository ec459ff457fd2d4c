"""The response body that lists the orders of all wallets of a user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Protocol

from pydantic import Field

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.orders.list_queries import OrderPosition
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.http.pagination import PageRequest, broken_cursor, encode_cursor, numbers_cursor
from moniqo_core.http.schemas.common import View
from moniqo_core.http.schemas.orders.views import OrderView, order_view


class FailedWalletView(View):
    """A wallet whose open orders could not be brought up to now."""

    user_wallet_id: str
    code: Annotated[
        str, Field(description="Code of the error that was the cause.", examples=["WALLET_CONNECTION_ERROR"])
    ]


class AllOrdersView(View):
    """One page of orders. ``next_cursor`` is null on the last page."""

    items: list[OrderView]
    next_cursor: str | None = None
    failed: Annotated[
        list[FailedWalletView],
        Field(description="Wallets whose orders may be out of date or missing here. Empty if all could be read."),
    ]


class Failed(Protocol):
    """A wallet that failed, and why."""

    @property
    def user_wallet_id(self) -> str:
        """Id of the wallet."""

    @property
    def code(self) -> str:
        """Code of the error."""


def all_orders_view(
    records: Sequence[OrderRecord], next_cursor: OrderPosition | None, failed: Sequence[Failed]
) -> AllOrdersView:
    """Return the page of ``records``. The next page begins below the position ``next_cursor``."""
    return AllOrdersView.made(
        items=[order_view(record) for record in records],
        next_cursor=None if next_cursor is None else _encoded(next_cursor),
        failed=[FailedWalletView.made(user_wallet_id=one.user_wallet_id, code=one.code) for one in failed],
    )


def _encoded(position: OrderPosition) -> str:
    at, wallet, seq, number = position
    return encode_cursor([rfc3339(at), wallet, str(seq), str(number)])


def order_position(page: PageRequest) -> OrderPosition | None:
    """Return the position in the page's cursor, or None for the first page.

    Raises:
        ValidationError: the cursor holds anything else.

    """
    if page.cursor is None:
        return None
    try:
        at, wallet, *numbers = page.cursor
        created_at = datetime.fromisoformat(at)
        placed = numbers_cursor(PageRequest(cursor=numbers), 2)
        if created_at.tzinfo is None or placed is None:
            raise broken_cursor()
        return OrderPosition(created_at.astimezone(UTC), wallet, *placed)
    except (ValueError, OverflowError):
        raise broken_cursor() from None
