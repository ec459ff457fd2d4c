"""Show the journal of a wallet."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.pagination import PageQuery, PageView, encode_cursor, numbers_cursor, page_view
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import csv_response, json_response
from moniqo_core.http.schemas.csv_text import MAX_CSV_ROWS
from moniqo_core.http.schemas.portfolio.ledger import CSV_CONTENT, EntryView, entry_view, ledger_csv

router = api_router()


@router.get(
    "/wallets/{user_wallet_id}/ledger",
    tags=["Portfolio"],
    summary="Show the journal",
    responses={
        200: {"model": PageView[EntryView], "description": "Oldest first.", **CSV_CONTENT},
        **problem_responses(NotFoundError),
    },
)
async def get_ledger(
    user_wallet_id: str,
    caller: CallerDep,
    page: PageQuery,
    form: Annotated[
        Literal["json", "csv"],
        Query(
            alias="format",
            description="`json`, the default: pages of `limit` entries. `csv`: a file of up to 5,000 rows,"
            " whatever `limit` says. The header `Link` leads to the next part.",
        ),
    ] = "json",
) -> Response:
    """Show every commit with its postings. The header `Link` names the next part of a CSV file."""
    cursor = numbers_cursor(page, 1)
    after = cursor[0] if cursor else 0
    portfolio = bootstrap.portfolio()
    if form == "csv":
        text, last = ledger_csv(await portfolio.postings(caller.user_id, user_wallet_id, after, MAX_CSV_ROWS + 1))
        return csv_response(text, f"ledger-{user_wallet_id}.csv", None if last is None else encode_cursor([str(last)]))
    entries = await portfolio.entries(caller.user_id, user_wallet_id, after, page.limit + 1)
    shown = [entry_view(entry) for entry in entries[: page.limit]]
    return json_response(page_view(shown, [str(shown[-1].seq)] if len(entries) > page.limit else None))
