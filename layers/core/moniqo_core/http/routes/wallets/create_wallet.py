"""Connect a new wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidCredentialsError,
    RateLimitExceededError,
    WalletConnectionError,
)
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import created
from moniqo_core.http.schemas.wallets.requests import CreateWalletRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets",
    status_code=201,
    tags=["Wallets"],
    summary="Connect a wallet",
    responses={
        201: {"model": UserWalletView, "description": "The new wallet."},
        200: {"model": UserWalletView, "description": "The wallet that an earlier request with this key created."},
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
    made = await bootstrap.wallet_creation().create(caller.user_id, body.to_new_wallet(), key)
    return created(wallet_view(made.wallet), f"/wallets/{made.wallet.id}", replayed=made.replayed)
