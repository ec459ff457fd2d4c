"""Read candles of a symbol."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.domain.market.candles import MOST_CANDLES, CandleQuery
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import CandlesView, SymbolQuery, UserWalletId, candles_view
from moniqo_core.http.schemas.times import TimeBound

router = api_router()


@router.get(
    "/markets/candles",
    tags=["Markets"],
    summary="Get candles",
    responses={
        200: {"model": CandlesView, "description": "Oldest first."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError, MarketDataError),
    },
)
async def get_candles(
    symbol: SymbolQuery,
    user_wallet_id: UserWalletId,
    caller: CallerDep,
    interval: Annotated[
        Literal["1m", "5m", "15m", "1h", "4h", "1d"],
        Query(description="Length of a candle. Candles start at multiples of it in UTC."),
    ] = "1m",
    since: Annotated[
        TimeBound | None,
        Query(alias="from", description="Earliest start, inclusive. With it the first `limit` candles are shown."),
    ] = None,
    until: Annotated[TimeBound | None, Query(alias="to", description="Latest start, exclusive.")] = None,
    limit: Annotated[
        int, Query(ge=1, le=MOST_CANDLES, description="Most candles. Without `from` the last ones are shown.")
    ] = 50,
    include_open: Annotated[
        bool, Query(description="Whether the candle that has not ended yet is shown too. Its values still change.")
    ] = False,
) -> Response:
    """Show the candles of a symbol. A time without data has no candle."""
    query = CandleQuery(interval, limit, since, until, include_open)
    found = await bootstrap.markets().candles(caller.user_id, user_wallet_id, symbol, query)
    return json_response(candles_view(symbol, interval, found))
