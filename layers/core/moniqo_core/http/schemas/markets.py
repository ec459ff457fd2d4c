"""Response bodies of balances and market data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from moniqo_core.domain.market.candles import CandleSeries
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.http.schemas.common import Amount, Timestamp, View

UserWalletId = Annotated[str, Query(min_length=1, max_length=64, description="Id of your wallet.")]
SymbolQuery = Annotated[str, Query(min_length=3, max_length=40, examples=["BTC/USDT"])]


class HeldAssetView(View):
    """One asset held. ``value_usd`` is null when the asset has no price."""

    asset: str
    free: Amount
    locked: Amount
    total: Amount
    value_usd: Amount | None


class BalanceView(View):
    """The present holdings of a wallet. ``stale`` means that open orders could not be evaluated up to now."""

    user_wallet_id: str
    mode: Literal["paper", "live"]
    assets: list[HeldAssetView]
    total_value_usd: Annotated[
        Amount | None,
        Field(
            description=(
                "A live total leaves out unpriced_assets, and is null when hardly anything else is held. A paper total"
                " is null while a holding has no price."
            )
        ),
    ]
    unpriced_assets: Annotated[list[str], Field(description="Assets held that have no price.", examples=[[]])]
    evaluated_until: Timestamp
    stale: bool
    as_of: Timestamp


class MarketView(View):
    """A tradable symbol with its steps, minimums and maximums."""

    symbol: str
    base: str
    quote: str
    tick_size: Amount
    lot_step: Amount
    min_amount: Amount
    min_notional: Amount
    max_price: Annotated[Amount | None, Field(description="Highest price of an order. Null without a maximum.")]
    max_amount: Annotated[Amount | None, Field(description="Largest amount of an order. Null without a maximum.")]
    max_notional: Annotated[
        Amount | None, Field(description="Largest value of an order in the quote asset. Null without a maximum.")
    ]
    hours: Annotated[
        str | None,
        Field(
            description="Code of the exchange whose trading hours apply. Null for markets that never close.",
            examples=["XNYS"],
        ),
    ]


class MarketsView(View):
    """Every symbol the wallet trades."""

    items: list[MarketView]


class PriceView(View):
    """Best prices of a symbol."""

    symbol: str
    bid: Amount
    ask: Amount
    last: Amount
    mid: Amount
    spread: Amount
    timestamp: Timestamp
    source: str


class BookLevelView(View):
    """One price level."""

    price: Amount
    amount: Amount


class BookView(View):
    """The shown order book: up to 20 levels per side, best first."""

    symbol: str
    bids: Annotated[list[BookLevelView], Field(max_length=20)]
    asks: Annotated[list[BookLevelView], Field(max_length=20)]
    timestamp: Timestamp
    source: str


class CandleView(View):
    """Open, high, low, close and volume from ``start`` on."""

    start: Timestamp
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount
    is_open: Annotated[bool, Field(description="Whether the candle has not ended yet, so that its values change.")]


class CandlesView(View):
    """Candles, oldest first. From ``covers_from`` to ``covers_to`` none is missing that could be read."""

    symbol: str
    interval: str
    items: list[CandleView]
    covers_from: Annotated[
        Timestamp,
        Field(
            description=(
                "The answer holds every candle that starts at or after this time and before covers_to, unless it could"
                " not be read. Pass it as `to` for earlier candles. It is later than `from` if the venue no longer"
                " serves older ones."
            )
        ),
    ]
    covers_to: Annotated[
        Timestamp, Field(description="End of that time, exclusive. Pass it as `from` for later candles.")
    ]


def balance_view(worth: Valuation, user_wallet_id: str) -> BalanceView:
    """Return the view of a valuation."""
    return BalanceView.made_from(
        worth,
        user_wallet_id=user_wallet_id,
        assets=[HeldAssetView.made_from(held) for held in worth.assets],
        unpriced_assets=list(worth.unpriced_assets),
    )


def markets_view(markets: Sequence[Market]) -> MarketsView:
    """Return the view of markets."""
    return MarketsView.made(items=[MarketView.made_from(market) for market in markets])


def price_view(snapshot: Snapshot) -> PriceView:
    """Return the view of a snapshot's best prices."""
    return PriceView.made(
        symbol=snapshot.symbol,
        bid=snapshot.bid,
        ask=snapshot.ask,
        last=snapshot.last,
        mid=snapshot.mid,
        spread=snapshot.ask - snapshot.bid,
        timestamp=snapshot.at,
        source=snapshot.source,
    )


def book_view(snapshot: Snapshot) -> BookView:
    """Return the view of a snapshot's order book."""
    return BookView.made(
        symbol=snapshot.symbol,
        bids=[BookLevelView.made_from(level) for level in snapshot.bids],
        asks=[BookLevelView.made_from(level) for level in snapshot.asks],
        timestamp=snapshot.at,
        source=snapshot.source,
    )


def candles_view(symbol: str, interval: str, found: CandleSeries) -> CandlesView:
    """Return the view of candles."""
    items = [CandleView.made(**candle._asdict(), is_open=candle.start == found.open_start) for candle in found.candles]
    return CandlesView(
        symbol=symbol, interval=interval, items=items, covers_from=found.covers_from, covers_to=found.covers_to
    )
