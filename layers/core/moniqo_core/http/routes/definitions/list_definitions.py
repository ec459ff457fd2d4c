"""List the kinds of wallet users can connect."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.wallets.kinds import IntegrationType, MarketType
from moniqo_core.domain.wallets.list_queries import DefinitionFilter
from moniqo_core.http.app import api_router
from moniqo_core.http.pagination import PageQuery, PageView
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.definitions.views import DefinitionView, definition_cursor, definition_page

router = api_router()


@router.get(
    "/wallets/definitions",
    tags=["Wallet definitions"],
    summary="List definitions",
    responses={
        200: {"model": PageView[DefinitionView], "description": "One page of definitions, ordered by `order`."},
        **problem_responses(),
    },
)
async def list_definitions(
    page: PageQuery,
    integration_type: Annotated[
        IntegrationType | None, Query(description="Only definitions with this integration type.")
    ] = None,
    is_active: Annotated[
        bool | None, Query(description="True: only definitions that accept new wallets. False: only the others.")
    ] = None,
    is_demo: Annotated[bool | None, Query(description="True: only paper wallets. False: only live wallets.")] = None,
    market: Annotated[MarketType | None, Query(description="Only definitions that trade in this market.")] = None,
) -> Response:
    """List what users can connect. Needs no token."""
    wanted = DefinitionFilter(integration_type, is_active, is_demo, market)
    found = await bootstrap.definitions().list(wanted, definition_cursor(page), page.limit + 1)
    return json_response(definition_page(found, page.limit))
