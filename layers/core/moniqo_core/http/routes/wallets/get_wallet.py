"""Show one of the caller's wallets."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.polling import IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.wallets.views import UserWalletView, wallet_view

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}",
    tags=["Wallets"],
    summary="Show a wallet",
    responses={200: {"model": UserWalletView, "description": "The wallet."}, **problem_responses(NotFoundError)},
)
async def get_wallet(user_wallet_id: str, caller: CallerDep, known: IfNoneMatch = None) -> Response:
    """Show a wallet. The balance of a paper wallet is that of its journal, and of a live one that of its last sync."""
    found = await bootstrap.user_wallets().get(caller.user_id, user_wallet_id)
    return Poll(known).answer(wallet_view(found))
