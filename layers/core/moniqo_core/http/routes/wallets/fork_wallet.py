"""Fork a demo wallet from the journal of another one."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    MarketDataError,
    NotFoundError,
    RateLimitExceededError,
)
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import created
from moniqo_core.http.schemas.wallets.requests import ForkRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/fork",
    status_code=201,
    tags=["Wallets"],
    summary="Fork a demo wallet",
    responses={
        201: {"model": UserWalletView, "description": "The new wallet."},
        200: {"model": UserWalletView, "description": "The wallet that an earlier request with this key created."},
        **problem_responses(
            NotFoundError, ConflictError, IdempotencyMismatchError, RateLimitExceededError, MarketDataError
        ),
    },
)
async def fork_wallet(
    user_wallet_id: str, body: ForkRequest, caller: CallerDep, key: IdempotencyKey = None
) -> Response:
    """Create a wallet with the holdings of this one after an entry of its journal. The copy's profit starts at zero."""
    made = await bootstrap.paper_wallets().fork(caller.user_id, user_wallet_id, body.seq, body.custom_name, key)
    return created(wallet_view(made.wallet), f"/wallets/{made.wallet.id}", replayed=made.replayed)
