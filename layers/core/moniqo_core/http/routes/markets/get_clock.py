"""Tell whether the markets of a wallet are open."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.market_clock import MarketClockView, market_clock_view
from moniqo_core.http.schemas.markets import UserWalletId

router = api_router()


@router.get(
    "/markets/clock",
    tags=["Markets"],
    summary="Get opening hours",
    responses={
        200: {"model": MarketClockView, "description": "The hours now."},
        **problem_responses(NotFoundError, WalletConnectionError),
    },
)
async def get_clock(user_wallet_id: UserWalletId, caller: CallerDep) -> Response:
    """Show whether the markets of a wallet are open, and when they open and close next."""
    found = await bootstrap.markets().clock(caller.user_id, user_wallet_id)
    return json_response(market_clock_view(found, user_wallet_id))
