"""Read the best prices of a symbol."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import PriceView, SymbolQuery, UserWalletId, price_view

router = api_router()


@router.get(
    "/markets/price",
    tags=["Markets"],
    summary="Get a price",
    responses={
        200: {"model": PriceView, "description": "The market data now."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError, MarketDataError),
    },
)
async def get_price(symbol: SymbolQuery, user_wallet_id: UserWalletId, caller: CallerDep) -> Response:
    """Show the current data of the wallet's market."""
    snapshot = await bootstrap.markets().snapshot(caller.user_id, user_wallet_id, symbol)
    return json_response(price_view(snapshot))
