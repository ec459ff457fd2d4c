"""Sync the balance of a wallet now."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, RateLimitExceededError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.sync import SyncView, sync_view

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/sync-balance",
    tags=["Sync"],
    summary="Sync the balance now",
    responses={
        200: {"model": SyncView, "description": "The result of the sync, whether or not it succeeded."},
        **problem_responses(NotFoundError, RateLimitExceededError),
    },
)
async def sync_balance(user_wallet_id: str, caller: CallerDep) -> Response:
    """Take a new snapshot of the balance. The response shows the snapshot that is now stored."""
    return json_response(sync_view(await bootstrap.balance_sync().sync_one(caller.user_id, user_wallet_id)))
