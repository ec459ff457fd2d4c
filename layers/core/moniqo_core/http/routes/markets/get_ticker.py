"""Read how several symbols trade now and traded in the last 24 hours."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import UserWalletId
from moniqo_core.http.schemas.tickers import SymbolsQuery, TickersView, read_symbols, tickers_view

router = api_router()


@router.get(
    "/markets/ticker",
    tags=["Markets"],
    summary="Get tickers",
    responses={
        200: {"model": TickersView, "description": "In the order of the request."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError, MarketDataError),
    },
)
async def get_ticker(symbols: SymbolsQuery, user_wallet_id: UserWalletId, caller: CallerDep) -> Response:
    """Show best prices, change, high, low and volume of up to 50 symbols. The numbers are the venue's own."""
    found = await bootstrap.markets().tickers(caller.user_id, user_wallet_id, read_symbols(symbols))
    return json_response(tickers_view(found))
