"""List fills."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError
from moniqo_core.domain.orders.list_queries import FillQuery
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView, numbers_cursor, page_view
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.orders.fills import FillView, fill_view
from moniqo_core.http.schemas.times import TimeBound

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/trades",
    tags=["Orders"],
    summary="List trades",
    responses={
        200: {"model": PageView[FillView], "description": "Newest first."},
        **problem_responses(NotFoundError, InvalidSymbolError),
    },
)
async def list_trades(
    user_wallet_id: str,
    caller: CallerDep,
    page: PageQuery,
    symbol: Annotated[str | None, Query(max_length=40)] = None,
    since: Annotated[TimeBound | None, Query(alias="from", description="Inclusive.")] = None,
    until: Annotated[TimeBound | None, Query(alias="to", description="Exclusive.")] = None,
) -> Response:
    """Show the fills of all orders. Open orders are evaluated first."""
    cursor = numbers_cursor(page, 2)
    query = FillQuery(page.limit, symbol, since, until, (cursor[0], cursor[1]) if cursor else None)
    found = await bootstrap.orders().fills(caller.user_id, user_wallet_id, query)
    next_cursor = [str(number) for number in found.next_cursor] if found.next_cursor else None
    return json_response(page_view([fill_view(item) for item in found.fills], next_cursor))
