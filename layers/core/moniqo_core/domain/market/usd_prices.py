"""Prices of assets in US dollars, derived from the prices of one venue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from moniqo_core.domain.market.marks import firm_marks
from moniqo_core.domain.money import ONE, exact

DOLLAR_TOKENS: Final = ("USDT", "USDC")
DOLLARS: Final = ("USD", *DOLLAR_TOKENS)
"""Quote assets for valuation, in order of preference: the dollar before the tokens that follow it."""
BRIDGES: Final = ("BTC", "ETH", "EUR", "BNB")
EARN_SUFFIXES: Final = frozenset({"F", "M", "S", "B", "P", "HOLD"})
"""What Kraken adds to the name of a coin after a dot while it is staked, bonded, lent out or withheld."""
_EARN_PREFIX: Final = "LD"
"""What Binance puts before the name of a coin that is in Simple Earn."""
_NO_EARN_FORMS: Final = frozenset({"LDO"})
"""Coins whose own name looks like that of an earn form."""
_RENAMED: Final[Mapping[str, str]] = {"ETH2": "ETH"}
_PLACES: Final = Decimal("1e-18")


def coin_of(asset: str, mids: Mapping[str, Decimal]) -> str | None:
    """Return the asset whose price applies to ``asset``, or None when the venue prices neither.

    An asset with a price is its own coin. Else an earn or staked form has the price of its coin: ``LDBTC``, ``BTC.F``.
    """
    return next((coin for coin in _coins(asset) if market_price(coin, mids) is not None), None)


def _coins(asset: str) -> Iterator[str]:
    yield asset
    base, _, suffix = asset.partition(".")
    if suffix in EARN_SUFFIXES or base in _RENAMED:
        yield _RENAMED.get(base, base)
        if base[-2:].isdigit():  # days of bonding, as in DOT28.S
            yield base[:-2]
    if asset.startswith(_EARN_PREFIX) and asset not in _NO_EARN_FORMS:
        yield asset.removeprefix(_EARN_PREFIX)


def usd_price(asset: str, mids: Mapping[str, Decimal]) -> Decimal | None:
    """Return the price of one unit in US dollars, or None when the venue has no price for it.

    An earn or staked form has the price of its coin.
    """
    coin = coin_of(asset, mids)
    return None if coin is None else market_price(coin, mids)


def is_firmly_priced(asset: str, mids: Mapping[str, Decimal]) -> bool:
    """Tell whether only markets with a sane spread price an asset. This also holds for an asset without a price."""
    return usd_price(asset, firm_marks(mids)) is not None or usd_price(asset, mids) is None


def market_price(asset: str, mids: Mapping[str, Decimal]) -> Decimal | None:
    """Return the price of one unit in US dollars in the venue's markets of the asset itself, or None.

    Markets with a sane spread are preferred.
    """
    firm = firm_marks(mids)
    found = _price(asset, firm)
    return found if found is not None or firm is mids else _price(asset, mids)


def _price(asset: str, mids: Mapping[str, Decimal]) -> Decimal | None:
    """Return the price of one unit in US dollars by these marks.

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
            through = None if price is None else _price(bridge, mids)
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
