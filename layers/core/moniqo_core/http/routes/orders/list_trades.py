"""List fills."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError
from moniqo_core.domain.orders.list_queries import FillQuery
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView, encode_cursor, numbers_cursor, page_view
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import csv_response, json_response
from moniqo_core.http.schemas.csv_text import MAX_CSV_ROWS
from moniqo_core.http.schemas.orders.fills import FillView, fill_view
from moniqo_core.http.schemas.orders.fills_csv import FILLS_CSV, fills_csv
from moniqo_core.http.schemas.times import TimeBound

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/trades",
    tags=["Orders"],
    summary="List trades",
    responses={
        200: {"model": PageView[FillView], "description": "Newest first.", **FILLS_CSV},
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
    form: Annotated[
        Literal["json", "csv"],
        Query(alias="format", description="csv: one row per fill, at most 5,000 per response regardless of `limit`."),
    ] = "json",
) -> Response:
    """Show the fills of all orders. Open orders are evaluated first. The header `Link` names the next part of a CSV."""
    cursor = numbers_cursor(page, 2)
    query = FillQuery(
        MAX_CSV_ROWS if form == "csv" else page.limit, symbol, since, until, (cursor[0], cursor[1]) if cursor else None
    )
    found = await bootstrap.orders().fills(caller.user_id, user_wallet_id, query)
    next_cursor = [str(number) for number in found.next_cursor] if found.next_cursor else None
    if form == "csv":
        bounds = {
            name: None if bound is None else bound.isoformat() for name, bound in (("from", since), ("to", until))
        }
        following = encode_cursor(next_cursor) if next_cursor else None
        return csv_response(
            fills_csv(found.fills), f"trades-{user_wallet_id}.csv", following, {"symbol": symbol, **bounds}
        )
    return json_response(page_view([fill_view(item) for item in found.fills], next_cursor))
