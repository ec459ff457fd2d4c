"""The limit of open orders, which paper and live wallets share."""

from __future__ import annotations

from typing import Final

from moniqo_core.domain.errors import QuotaReachedError

MAX_OPEN_ORDERS: Final = 500
"""Maximum number of open orders of a wallet. It keeps the stored state of a wallet small."""


def check_open_orders(open_orders: int, added: int) -> None:
    """Refuse an order that adds ``added`` orders, its exits included, to ``open_orders`` and exceeds the limit.

    Raises:
        QuotaReachedError: the wallet would have more than :data:`MAX_OPEN_ORDERS` open orders.

    """
    if open_orders + added > MAX_OPEN_ORDERS:
        raise QuotaReachedError(
            f"{open_orders} orders are open, and this one would add {added}. The limit is {MAX_OPEN_ORDERS}.",
            limit=MAX_OPEN_ORDERS,
            hint="Cancel open orders first, with DELETE /wallets/{id}/orders/{order_id}.",
        )
