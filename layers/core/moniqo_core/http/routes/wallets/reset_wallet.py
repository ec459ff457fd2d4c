"""Reset a demo wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ConflictError, IdempotencyMismatchError, NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.idempotency import IdempotencyKey
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import REPLAYED, json_response
from moniqo_core.http.schemas.wallets.requests import ResetRequest
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/reset",
    tags=["Wallets"],
    summary="Reset a demo wallet",
    responses={
        200: {"model": UserWalletView, "description": "The wallet, with its starting balance."},
        **problem_responses(NotFoundError, ConflictError, IdempotencyMismatchError),
    },
)
async def reset_wallet(
    user_wallet_id: str, caller: CallerDep, body: ResetRequest | None = None, key: IdempotencyKey = None
) -> Response:
    """Cancel orders, give up positions and start a new epoch. The history and a suspension stay."""
    balance = None if body is None else body.initial_balance_usd
    done = await bootstrap.paper_wallets().reset(caller.user_id, user_wallet_id, balance, key)
    return json_response(wallet_view(done.wallet), headers=REPLAYED if done.replayed else None)
