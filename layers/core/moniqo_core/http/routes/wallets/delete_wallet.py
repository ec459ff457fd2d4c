"""Delete a wallet."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, WalletConnectionError, WalletInUseError, WalletSuspendedError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import no_content

router = api_router()


@router.delete(
    "/wallets/{user_wallet_id}",
    status_code=204,
    tags=["Wallets"],
    summary="Delete a wallet",
    responses={
        204: {"description": "Deleted."},
        **problem_responses(NotFoundError, WalletInUseError, WalletSuspendedError, WalletConnectionError),
    },
)
async def delete_wallet(
    user_wallet_id: str,
    caller: CallerDep,
    force: Annotated[bool, Query(description="Cancel open orders and give up positions.")] = False,
) -> Response:
    """Delete a wallet. Its history is kept but no longer shown."""
    await bootstrap.wallet_changes().delete(caller.user_id, user_wallet_id, force=force)
    return no_content()
