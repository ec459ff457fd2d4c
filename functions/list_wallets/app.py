"""List the caller's wallets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.wallets.user_wallet import UserWalletStatus
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.authentication import CallerDep
from moniqo.http.pagination import PageQuery, PageView
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.user_wallets import UserWalletView, wallet_page, wallet_position
from moniqo.storage.wallets.user_wallets import WalletFilter

router = api_router()


@router.get(
    "/wallets",
    tags=["Wallets"],
    summary="List your wallets",
    responses={200: {"model": PageView[UserWalletView], "description": "Newest first."}, **problem_responses()},
)
async def list_wallets(
    caller: CallerDep,
    page: PageQuery,
    wallet_id: Annotated[str | None, Query(max_length=100, description="Id of a wallet definition.")] = None,
    is_active: Annotated[bool | None, Query(description="True leaves out paused and suspended wallets.")] = None,
    status: UserWalletStatus | None = None,
) -> Response:
    """Show the caller's own wallets with their last snapshots."""
    wanted = WalletFilter(wallet_id, is_active, status)
    found = await bootstrap.user_wallets().list(caller.user_id, wanted, wallet_position(page), page.limit + 1)
    return json_response(wallet_page(found, page.limit))


handler = lambda_handler(router)
