"""Exposure of a live wallet, including an order that is being decided, and the limits on it, in US dollars.

Everything that may still buy counts as bought: open orders, orders just sent, and orders whose outcome is unknown.
Holdings at a venue are counted by asset, because one asset trades in several quotes. Earn and staked forms count as
their coin. Dollars, and tokens that follow them, are cash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.usd_prices import DOLLARS, coin_of, market_price, usd_price
from moniqo_core.domain.money import ONE, ZERO, floor_to
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits, check_open_positions, exposure_too_large, position_too_large

NEGLIGIBLE_USD: Final = ONE
"""A holding that is worth less is dust and not a position."""


class PendingBuy(NamedTuple):
    """The amount that a buy order may still add to the holdings.

    It is an ``amount`` at a limit ``price``, or at market if ``price`` is None. If ``amount`` is None, the buy order
    spends ``quote_amount``.
    """

    symbol: str
    amount: Decimal | None
    quote_amount: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class AssetExposure:
    """Exposure to one asset: the held amount, what pending buys may add in US dollars, and the price of a unit.

    ``price_usd`` is None when the asset has no price.
    """

    held: Decimal
    pending_buys_usd: Decimal
    price_usd: Decimal | None

    @property
    def usd(self) -> Decimal:
        """Value of the holding and the pending buys, never below zero.

        A holding without a price cannot be sold either, so it counts as zero. A debt counts against buys of the same
        asset only, because it secures nothing else.
        """
        return max(self.held * (self.price_usd or ZERO) + self.pending_buys_usd, ZERO)


@dataclass(frozen=True, slots=True)
class LiveExposure:
    """Exposure if the order is accepted. ``price_usd`` is the higher of its limit and the mark."""

    market: Market
    price_usd: Decimal
    order_usd: Decimal
    before_usd: Decimal
    others: Mapping[str, AssetExposure]

    @property
    def value(self) -> Decimal:
        """Exposure to the order's asset, including the order. What only reduces a debt is no exposure."""
        return max(self.before_usd + self.order_usd, ZERO)

    @property
    def total(self) -> Decimal:
        """Exposure to all assets."""
        return self.value + self.others_usd

    @property
    def others_usd(self) -> Decimal:
        """Exposure to all other assets."""
        return sum((stake.usd for stake in self.others.values()), ZERO)

    @property
    def positions(self) -> int:
        """Number of assets with pending buys or a holding that is not negligible. That of the order always counts."""
        return 1 + sum(stake.pending_buys_usd > 0 or stake.usd >= NEGLIGIBLE_USD for stake in self.others.values())

    def room(self, limit_usd: Decimal) -> Decimal:
        """Largest amount of a buy order that stays within a limit, in whole lots."""
        return max(floor_to((limit_usd - self.before_usd) / self.price_usd, self.market.lot_step), ZERO)


def exposure(
    order: OrderRequest,
    market: Market,
    held: Mapping[str, Decimal],
    buys: Iterable[PendingBuy],
    mids: Mapping[str, Decimal],
) -> LiveExposure:
    """Return the exposure of a wallet if a buy order is accepted.

    Args:
        order: The buy order.
        market: Its market.
        held: Total of each asset.
        buys: Buy orders that may still fill, or may have filled since ``held`` was read.
        mids: Mark prices of the venue by symbol.

    Raises:
        MarketDataError: The market of the order has no price in US dollars.

    """
    base_price, quote_price = usd_price(market.base, mids), usd_price(market.quote, mids)
    if base_price is None or quote_price is None:
        raise MarketDataError(f"{market.symbol} has no price in US dollars at the moment.", retry_after=5)
    holding_exposures = _holding_exposures(held, buys, mids)
    mine = holding_exposures.pop(market.base, AssetExposure(ZERO, ZERO, base_price))
    price = max(base_price, order.price * quote_price) if order.price is not None else base_price
    wanted = (order.quote_amount or ZERO) * quote_price if order.amount is None else order.amount * price
    cash = market.base in DOLLARS
    before = ZERO if cash else mine.held * price + mine.pending_buys_usd
    return LiveExposure(market, price, ZERO if cash else wanted, before, holding_exposures)


def _holding_exposures(
    held: Mapping[str, Decimal], buys: Iterable[PendingBuy], mids: Mapping[str, Decimal]
) -> dict[str, AssetExposure]:
    found: dict[str, AssetExposure] = {}
    for asset, amount in held.items():
        coin = coin_of(asset, mids) or asset
        before = found.get(coin) or AssetExposure(ZERO, ZERO, market_price(coin, mids))
        if amount:
            found[coin] = AssetExposure(before.held + amount, ZERO, before.price_usd)
    for buy in buys:
        base, _, quote = buy.symbol.partition("/")
        before = found.get(base) or AssetExposure(ZERO, ZERO, usd_price(base, mids))
        worth = _worth(buy, before.price_usd or ZERO, usd_price(quote, mids) or ONE)
        found[base] = AssetExposure(before.held, before.pending_buys_usd + worth, before.price_usd)
    return {asset: stake for asset, stake in found.items() if asset not in DOLLARS}


def _worth(buy: PendingBuy, base_price: Decimal, quote_price: Decimal) -> Decimal:
    if buy.amount is None:
        return buy.quote_amount * quote_price
    return buy.amount * max(base_price, (buy.price or ZERO) * quote_price)


def open_buy(order: LiveOrder) -> PendingBuy:
    """Return the unfilled part of a buy order that was stored before the balances were read."""
    request = order.request
    left = None if request.amount is None else max(order.amount - order.filled_amount, ZERO)
    return PendingBuy(
        request.symbol, left, max((request.quote_amount or ZERO) - order.filled_quote, ZERO), request.price
    )


def new_buy(order: LiveOrder) -> PendingBuy:
    """Return all of a buy order that is newer than the balances, which may lack its fills."""
    request = order.request
    if order.has_ended:
        return PendingBuy(request.symbol, order.filled_amount, ZERO, request.price)
    return PendingBuy(request.symbol, request.amount and order.amount, request.quote_amount or ZERO, request.price)


def check_position_size(limits: RiskLimits, found: LiveExposure) -> None:
    """Refuse a position above ``max_position_size_usd`` with RiskLimitExceededError."""
    if found.value > limits.max_position_size_usd:
        room = found.room(limits.max_position_size_usd)
        raise position_too_large(limits, found.market.symbol, found.value, room)


def check_total_exposure(limits: RiskLimits, found: LiveExposure) -> None:
    """Refuse a total above ``max_total_exposure_usd`` with RiskLimitExceededError."""
    if found.total > limits.max_total_exposure_usd:
        room = found.room(limits.max_total_exposure_usd - found.others_usd)
        raise exposure_too_large(limits, found.total, room)


def check_positions(limits: RiskLimits, found: LiveExposure) -> None:
    """Refuse more positions than ``max_open_positions`` with RiskLimitExceededError."""
    check_open_positions(limits, found.positions)
