"""Read the order book of a symbol."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import BookView, SymbolQuery, UserWalletId, book_view

router = api_router()


@router.get(
    "/markets/book",
    tags=["Markets"],
    summary="Get an order book",
    responses={
        200: {"model": BookView, "description": "The market data now."},
        **problem_responses(NotFoundError, InvalidSymbolError, WalletConnectionError, MarketDataError),
    },
)
async def get_book(symbol: SymbolQuery, user_wallet_id: UserWalletId, caller: CallerDep) -> Response:
    """Show the current data of the wallet's market."""
    snapshot = await bootstrap.markets().snapshot(caller.user_id, user_wallet_id, symbol)
    return json_response(book_view(snapshot))
