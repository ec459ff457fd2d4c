"""List the symbols a wallet trades."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.markets import MarketsView, UserWalletId, markets_view

router = api_router()


@router.get(
    "/markets",
    tags=["Markets"],
    summary="List markets",
    responses={
        200: {"model": MarketsView, "description": "By name."},
        **problem_responses(NotFoundError, WalletConnectionError),
    },
)
async def list_markets(user_wallet_id: UserWalletId, caller: CallerDep) -> Response:
    """Show the symbols a wallet trades, with tick sizes, lot sizes and minimums."""
    return json_response(markets_view(await bootstrap.markets().list(caller.user_id, user_wallet_id)))
