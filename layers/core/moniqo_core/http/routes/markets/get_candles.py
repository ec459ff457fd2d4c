"""Read candles of a symbol."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import CandlesView, SymbolQuery, UserWalletId, candles_view

router = api_router()


@router.get(
    "/markets/candles",
    tags=["Markets"],
    summary="Get candles",
    responses={
        200: {"model": CandlesView, "description": "Closed candles, oldest first."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError, MarketDataError),
    },
)
async def get_candles(
    symbol: SymbolQuery,
    user_wallet_id: UserWalletId,
    caller: CallerDep,
    interval: Literal["1m", "1h", "1d"] = "1m",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """Show the last closed candles of an interval."""
    candles = await bootstrap.markets().candles(caller.user_id, user_wallet_id, symbol, interval, limit)
    return json_response(candles_view(symbol, interval, candles))
