"""How responses of Polygon are read, whatever they contain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.errors import MarketDataError
from moniqo_core.feeds.polygon import Polygon

QUOTE = {"p": Decimal(189), "P": Decimal(191)}


def mids(answer: Any) -> Mapping[str, Decimal]:
    async def get(_path: str, _query: Mapping[str, str]) -> Any:
        return answer

    return asyncio.run(Polygon(get).mids())


@pytest.mark.parametrize("answer", [[], None, "text", 7, {"status": "DELAYED", "tickers": []}])
def test_malformed_or_delayed_response_is_refused(answer: Any) -> None:
    with pytest.raises(MarketDataError):
        mids(answer)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        {},
        {"lastQuote": {**QUOTE}},
        {"ticker": "X", "lastQuote": {"p": Decimal(0), "P": Decimal(1)}},
        {"ticker": "X", "lastQuote": {"p": Decimal(2), "P": Decimal(1)}},
        {"ticker": "X", "lastQuote": {"p": Decimal(2), "P": "Infinity"}},
        {"ticker": "X", "lastQuote": {"p": "NaN", "P": "NaN"}},
    ],
)
def test_share_without_a_usable_quote_has_no_mid(broken: Any) -> None:
    assert mids({"tickers": [broken, {"ticker": "AAPL", "lastQuote": QUOTE}]}) == {"AAPL/USD": Decimal(190)}
    assert mids({"tickers": broken}) == {}
