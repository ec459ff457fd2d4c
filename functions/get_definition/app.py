"""Show one kind of wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo import bootstrap
from moniqo.domain.errors import NotFoundError
from moniqo.http.app import api_router, lambda_handler
from moniqo.http.problems import problem_responses
from moniqo.http.responses import json_response
from moniqo.http.schemas.definitions import DefinitionView

router = api_router()


@router.get(
    "/wallets/definitions/{slug}",
    tags=["Wallet definitions"],
    summary="Get a definition",
    responses={200: {"model": DefinitionView, "description": "The definition."}, **problem_responses(NotFoundError)},
)
async def get_definition(slug: str) -> Response:
    """Show a definition by its slug: which credentials it asks for, what it trades and costs. Needs no token."""
    return json_response(DefinitionView.of(await bootstrap.definitions().get(slug)))


handler = lambda_handler(router)
