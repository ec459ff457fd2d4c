"""Value in US dollars and cost of holdings at a venue."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.usd_prices import DOLLARS, is_firmly_priced, usd_price
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.order import average_price
from moniqo_core.domain.portfolio.valuation import AssetValue, Valuation, live_total
from moniqo_core.venues.ccxt.parsing import VenueFill, position_of
from moniqo_core.wallets.base import WalletBalance, WalletPosition


def valued(balances: Sequence[WalletBalance], mids: Mapping[str, Decimal], now: datetime) -> Valuation:
    """Value holdings at these marks by symbol, in US dollars. The total is the :func:`live_total`."""
    with exact():
        assets = [_asset_value(held, usd_price(held.asset, mids)) for held in balances]
    firm = all(is_firmly_priced(held.asset, mids) for held in balances)
    return Valuation(
        assets, live_total(assets), None, None, evaluated_until=now, stale=False, as_of=now, mode="live", firm=firm
    )


def _asset_value(held: WalletBalance, price: Decimal | None) -> AssetValue:
    worth = None if price is None else price * held.total
    return AssetValue(held.asset, held.free, held.locked, held.total, worth)


def symbols_held(
    balances: Iterable[WalletBalance], quotes: Sequence[str], markets: Container[str]
) -> list[tuple[str, WalletBalance]]:
    """Return holdings other than dollars, each with its first market against one of ``quotes``. A debt is none."""
    shown = []
    for held in balances:
        symbol = next((name for name in (f"{held.asset}/{quote}" for quote in quotes) if name in markets), None)
        if symbol is not None and held.asset not in DOLLARS and held.total > 0:
            shown.append((symbol, held))
    return shown


def position(
    symbol: str, held: WalletBalance, mark: Decimal | None, market: Market, fills: Sequence[VenueFill]
) -> WalletPosition:
    """Return a holding with the cost of its fills, or without a cost if the fills do not add up to the holding."""
    followed = position_of(fills, market.base)
    with exact():
        if abs(followed.amount - held.total) >= market.lot_step or not followed.amount:
            return WalletPosition(symbol, held.total, None, None, None, None, None, mark)
        return WalletPosition(
            symbol=symbol,
            amount=held.total,
            average_cost=average_price(followed.cost, followed.amount),
            realised_pnl=followed.realised,
            unrealised_pnl=None if mark is None else held.total * mark - followed.cost,
            fees=followed.fees,
            cost=followed.cost,
            mark_price=mark,
        )
