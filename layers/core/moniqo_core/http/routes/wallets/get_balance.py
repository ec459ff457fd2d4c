"""Read the balance of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidCredentialsError, MarketDataError, NotFoundError, WalletConnectionError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.polling import TIMES_OF_READ, IfNoneMatch, Poll
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.schemas.markets import BalanceView, balance_view
from moniqo_core.services.shared.read_unless_known import Unchanged

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/balance",
    tags=["Wallets"],
    summary="Get the balance now",
    responses={
        200: {"model": BalanceView, "description": "Balances and their value."},
        **problem_responses(NotFoundError, MarketDataError, InvalidCredentialsError, WalletConnectionError),
    },
)
async def get_balance(user_wallet_id: str, caller: CallerDep, known: IfNoneMatch = None) -> Response:
    """Show the free, locked and total amount of every asset, and its value. Open orders are evaluated first."""
    poll = Poll(known, "balance", user_wallet_id, ignored=TIMES_OF_READ)
    found = await bootstrap.balances().get(caller.user_id, user_wallet_id, poll.knows)
    if isinstance(found, Unchanged):
        return poll.unchanged(found.version)
    return poll.answer(balance_view(found.value, user_wallet_id), found.version)
