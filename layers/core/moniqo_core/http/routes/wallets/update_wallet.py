"""Change the name, colour, icon or risk limits of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.requests import UpdateWalletRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.patch(
    "/wallets/{user_wallet_id}",
    tags=["Wallets"],
    summary="Change a wallet",
    responses={200: {"model": UserWalletView, "description": "The wallet."}, **problem_responses(NotFoundError)},
)
async def update_wallet(user_wallet_id: str, body: UpdateWalletRequest, caller: CallerDep) -> Response:
    """Change the given fields. Other fields stay as they are, and so do other members of risk_limits."""
    wallet = await bootstrap.wallet_changes().update(caller.user_id, user_wallet_id, body.to_change())
    return json_response(wallet_view(await bootstrap.user_wallets().with_balance(wallet)))
