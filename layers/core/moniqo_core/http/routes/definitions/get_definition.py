"""Show one kind of wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.definitions.views import DefinitionView

router = api_router()


@router.get(
    "/wallets/definitions/{slug}",
    tags=["Wallet definitions"],
    summary="Get a definition",
    responses={200: {"model": DefinitionView, "description": "The definition."}, **problem_responses(NotFoundError)},
)
async def get_definition(slug: str) -> Response:
    """Show a definition: the credentials it needs, what it trades and its fees. Needs no token."""
    return json_response(DefinitionView.of(await bootstrap.definitions().get(slug)))
