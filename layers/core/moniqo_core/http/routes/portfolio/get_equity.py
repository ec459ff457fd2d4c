"""Show the equity of a wallet over time."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.portfolio.views import STEPS, EquityView, equity_span, equity_view
from moniqo_core.http.schemas.times import TimeBound

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/equity",
    tags=["Portfolio"],
    summary="Show equity over time",
    responses={200: {"model": EquityView, "description": "Oldest first."}, **problem_responses(NotFoundError)},
)
async def get_equity(
    user_wallet_id: str,
    caller: CallerDep,
    since: Annotated[TimeBound | None, Query(alias="from", description="Inclusive.")] = None,
    until: Annotated[TimeBound | None, Query(alias="to", description="Inclusive. The default is now.")] = None,
    interval: Annotated[
        Literal["1h", "1d"],
        Query(description="1h: full hours of the last 90 days. 1d: UTC midnights of the last five years."),
    ] = "1h",
) -> Response:
    """Show total value and profit. Paper wallets keep the last value between changes. Live wallets show syncs only."""
    begin, end = equity_span(since, until, interval, utc_now())
    curve = await bootstrap.portfolio().equity(caller.user_id, user_wallet_id, begin, end, STEPS[interval])
    return json_response(equity_view(curve, user_wallet_id, interval))
