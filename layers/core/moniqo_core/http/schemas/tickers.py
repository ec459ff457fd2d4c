"""The query for tickers and its answer."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field

from moniqo_core.domain.errors import MarketDataError, ValidationError
from moniqo_core.domain.market.ticker import Ticker, TickerReport
from moniqo_core.http.schemas.common import Amount, Timestamp, View

MOST_SYMBOLS: Final = 50
_LONGEST: Final = 40

SymbolsQuery = Annotated[str, Query(min_length=3, max_length=MOST_SYMBOLS * (_LONGEST + 1))]


class TickerView(View):
    """A symbol's best prices, and how it traded in the last 24 hours. Null is what the venue does not say.

    For shares the 24 hours are the current or last session, and the change counts from the close of the one before.
    """

    symbol: str
    bid: Amount
    ask: Amount
    last: Amount
    change: Annotated[
        Amount | None, Field(description="Last price less the price 24 hours before. Null at Kraken and Coinbase.")
    ]
    change_percent: Annotated[
        Amount | None, Field(description="The change in percent of the price 24 hours before. Null at Kraken.")
    ]
    high: Annotated[Amount | None, Field(description="Highest price of the last 24 hours. Null at Coinbase.")]
    low: Annotated[Amount | None, Field(description="Lowest price of the last 24 hours. Null at Coinbase.")]
    volume: Annotated[Amount | None, Field(description="Amount traded in the last 24 hours, in the base asset.")]
    timestamp: Annotated[Timestamp, Field(description="Time of the prices, in UTC.")]
    source: str


class UnpricedView(View):
    """A symbol that has no usable price now, because its book is empty or crossed."""

    symbol: str
    code: Annotated[str, Field(description="The error code that `GET /markets/price` gives.")]


class TickersView(View):
    """Tickers in the order of the request. Symbols without a usable price are in ``failed``."""

    items: list[TickerView]
    failed: Annotated[list[UnpricedView], Field(description="Symbols that have no usable price now.")]


def read_symbols(text: str) -> list[str]:
    """Return the symbols of a query, each once, in their order.

    Raises:
        ValidationError: one is empty or too long, or there are too many.

    """
    symbols = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if len(symbols) > MOST_SYMBOLS:
        raise _refuse(f"One request names at most {MOST_SYMBOLS} symbols. This one names {len(symbols)}.", "too_long")
    if not all(0 < len(symbol) <= _LONGEST for symbol in symbols):
        raise _refuse(f"A symbol has 1 to {_LONGEST} characters. Commas separate the symbols.", "symbols")
    return symbols


def tickers_view(found: TickerReport) -> TickersView:
    """Return the view of tickers."""
    return TickersView(
        items=[_ticker_view(ticker) for ticker in found.tickers],
        failed=[UnpricedView(symbol=symbol, code=MarketDataError.code) for symbol in found.unpriced],
    )


def _ticker_view(ticker: Ticker) -> TickerView:
    return TickerView(symbol=ticker.symbol, timestamp=ticker.at, source=ticker.source, **ticker.quote._asdict())


def _refuse(message: str, code: str) -> ValidationError:
    return ValidationError(message, errors=[{"field": "symbols", "message": message, "code": code}])
