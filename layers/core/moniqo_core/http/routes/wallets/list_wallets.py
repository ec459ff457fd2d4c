"""List the caller's wallets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.wallets.list_queries import WalletFilter
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView
from moniqo_core.http.polling import IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_cursor, wallet_page

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
    is_active: Annotated[
        bool | None,
        Query(description="True: only active wallets. False: only paused and suspended wallets."),
    ] = None,
    status: UserWalletStatus | None = None,
    known: IfNoneMatch = None,
) -> Response:
    """Show the caller's own wallets with their last snapshots."""
    wanted = WalletFilter(wallet_id, is_active, status)
    found = await bootstrap.user_wallets().list(caller.user_id, wanted, wallet_cursor(page), page.limit + 1)
    return Poll(known).answer(wallet_page(found, page.limit))
