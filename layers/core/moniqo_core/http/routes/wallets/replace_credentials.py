"""Replace the credentials of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ConflictError, InvalidCredentialsError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.requests import ReplaceCredentialsRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.put(
    "/wallets/{user_wallet_id}/credentials",
    tags=["Wallets"],
    summary="Replace the credentials",
    responses={
        200: {"model": UserWalletView, "description": "The wallet, without its credentials."},
        **problem_responses(NotFoundError, ConflictError, InvalidCredentialsError, WalletConnectionError),
    },
)
async def replace_credentials(user_wallet_id: str, body: ReplaceCredentialsRequest, caller: CallerDep) -> Response:
    """Test the connection with the new credentials and store them only if it works."""
    wallet = await bootstrap.wallet_connection().replace(caller.user_id, user_wallet_id, body.credentials)
    return json_response(wallet_view(await bootstrap.user_wallets().with_balance(wallet)))
