"""List positions."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidCredentialsError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.polling import TIMES_OF_READ, IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.portfolio.views import PositionsView, positions_view
from moniqo_core.services.shared.read_unless_known import Unchanged

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/positions",
    tags=["Portfolio"],
    summary="List positions",
    responses={
        200: {"model": PositionsView, "description": "Everything held except cash."},
        **problem_responses(NotFoundError, MarketDataError, InvalidCredentialsError, WalletConnectionError),
    },
)
async def list_positions(user_wallet_id: str, caller: CallerDep, known: IfNoneMatch = None) -> Response:
    """Show every position with its cost and its profit. Open orders are evaluated first."""
    poll = Poll(known, "positions", user_wallet_id, ignored=TIMES_OF_READ)
    found = await bootstrap.portfolio().positions(caller.user_id, user_wallet_id, poll.knows)
    if isinstance(found, Unchanged):
        return poll.unchanged(found.version)
    return poll.answer(positions_view(found.value, user_wallet_id), found.version)
