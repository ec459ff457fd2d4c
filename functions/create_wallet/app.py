"""Connect a new wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidCredentialsError,
    RateLimitExceededError,
    WalletConnectionError,
)
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import CallerDep
from moniqo.http.idempotency import IdempotencyKey
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.user_wallets import UserWalletView, wallet_view
from moniqo.http.schemas.wallet_requests import CreateWalletRequest

router = api_router()


@router.post(
    "/wallets",
    status_code=201,
    tags=["Wallets"],
    summary="Connect a wallet",
    responses={
        201: {"model": UserWalletView, "description": "The new wallet."},
        200: {"model": UserWalletView, "description": "The wallet an earlier request with this key made."},
        **problem_responses(
            InvalidCredentialsError,
            IdempotencyMismatchError,
            ConflictError,
            RateLimitExceededError,
            WalletConnectionError,
        ),
    },
)
async def create_wallet(body: CreateWalletRequest, caller: CallerDep, key: IdempotencyKey = None) -> Response:
    """Check the credentials against the wallet definition, open the account and store the wallet."""
    created = await bootstrap.wallet_creation().create(caller.user_id, body.to_new_wallet(), key)
    view = wallet_view(created.wallet)
    return json_response(view, 200, {"Idempotent-Replayed": "true"}) if created.replayed else json_response(view, 201)


handler = lambda_handler(router)
