"""Measure the results of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import MarketDataError, NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.portfolio.views import PerformanceView, performance_view

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/performance",
    tags=["Portfolio"],
    summary="Show performance",
    responses={
        200: {"model": PerformanceView, "description": "Performance since the wallet was opened, forked or reset."},
        **problem_responses(NotFoundError, MarketDataError),
    },
)
async def get_performance(user_wallet_id: str, caller: CallerDep) -> Response:
    """Show return, profit and loss, win rate, profit factor, expectancy, drawdown, Sharpe ratio, fees and turnover."""
    found = await bootstrap.portfolio().performance(caller.user_id, user_wallet_id)
    return json_response(performance_view(found, user_wallet_id))
