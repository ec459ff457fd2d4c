"""Which orders a venue accepts in a market, also while the market is paused."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from moniqo_core.domain.errors import OrderRejectedError


class MarketMode(StrEnum):
    """Which orders a venue accepts in a market. Orders can be cancelled and read in every mode."""

    NORMAL = "normal"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ONLY = "cancel_only"
    CLOSED = "closed"
    UNLISTED = "unlisted"
    """The venue's latest list does not have the market."""

    @property
    def takes_orders(self) -> bool:
        """Whether any order can be placed."""
        return self not in {MarketMode.CANCEL_ONLY, MarketMode.CLOSED, MarketMode.UNLISTED}


_SAYS: Final = {
    MarketMode.POST_ONLY: "accepts only post-only limit orders",
    MarketMode.LIMIT_ONLY: "accepts only limit orders",
    MarketMode.REDUCE_ONLY: "accepts only orders that reduce a position",
    MarketMode.CANCEL_ONLY: "accepts only cancellations",
    MarketMode.CLOSED: "accepts no orders",
    MarketMode.UNLISTED: "no longer lists this market, so it accepts no orders",
}


def require_accepted(mode: MarketMode, venue: str, symbol: str, *, limit: bool, post_only: bool, sells: bool) -> None:
    """Refuse an order that a venue does not accept in the mode of the market.

    Raises:
        OrderRejectedError: the mode excludes the order. The error names the mode.

    """
    accepted = {
        MarketMode.NORMAL: True,
        MarketMode.POST_ONLY: post_only,
        MarketMode.LIMIT_ONLY: limit,
        MarketMode.REDUCE_ONLY: sells,
    }
    if not accepted.get(mode, False):
        raise OrderRejectedError(
            f"{venue} {_SAYS[mode]} in {symbol} now.",
            hint="Try again when the market trades again. Open orders can still be cancelled with DELETE"
            " /wallets/{id}/orders/{order_id}.",
            market_mode=mode,
        )
