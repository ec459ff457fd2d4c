"""Show the syncs of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.sync import SyncLogView, sync_log_cursor, sync_log_page

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/sync-log",
    tags=["Sync"],
    summary="List the syncs of a wallet",
    responses={
        200: {"model": PageView[SyncLogView], "description": "Syncs of the last 30 days, newest first."},
        **problem_responses(NotFoundError),
    },
)
async def get_sync_log(user_wallet_id: str, caller: CallerDep, page: PageQuery) -> Response:
    """Show when the wallet was synced, how long each sync took, and its result."""
    after = sync_log_cursor(page)
    found = await bootstrap.user_wallets().sync_log(caller.user_id, user_wallet_id, after, page.limit + 1)
    return json_response(sync_log_page(found, page.limit))
