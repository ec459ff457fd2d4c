"""Prices of assets in US dollars, derived from the prices of one venue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from moniqo_core.domain.money import ONE, exact

DOLLAR_TOKENS: Final = ("USDT", "USDC")
DOLLARS: Final = ("USD", *DOLLAR_TOKENS)
"""Quote assets for valuation, in order of preference: the dollar before the tokens that follow it."""
BRIDGES: Final = ("BTC", "ETH", "EUR", "BNB")
_PLACES: Final = Decimal("1e-18")


def usd_price(asset: str, mids: Mapping[str, Decimal]) -> Decimal | None:
    """Return the price of one unit in US dollars, or None when the venue has no price for it.

    A token that follows the dollar has the price of its own dollar market, or one dollar if ``mids`` has none.
    """
    with exact():
        for dollar in DOLLARS:
            rate = _dollar(dollar, mids)
            if asset == dollar:
                return rate
            price = _between(asset, dollar, mids)
            if price is not None:
                return price * rate
        for bridge in BRIDGES:
            price = None if bridge == asset else _between(asset, bridge, mids)
            through = None if price is None else usd_price(bridge, mids)
            if price is not None and through is not None:
                return price * through
    return None


def _dollar(asset: str, mids: Mapping[str, Decimal]) -> Decimal:
    return ONE if asset == "USD" else mids.get(f"{asset}/USD", ONE)


def _between(base: str, quote: str, mids: Mapping[str, Decimal]) -> Decimal | None:
    if f"{base}/{quote}" in mids:
        return mids[f"{base}/{quote}"]
    inverse = mids.get(f"{quote}/{base}")
    return None if not inverse else (ONE / inverse).quantize(_PLACES, ROUND_HALF_EVEN)
