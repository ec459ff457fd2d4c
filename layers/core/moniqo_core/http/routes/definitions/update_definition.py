"""Change a kind of wallet (admins)."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import AdminDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.definitions.requests import DefinitionPatch
from moniqo_core.http.schemas.definitions.views import DefinitionView

router = api_router()


@router.patch(
    "/wallets/definitions/{slug}",
    tags=["Wallet definitions"],
    summary="Change a definition",
    responses={
        200: {"model": DefinitionView, "description": "The definition as it is now."},
        **problem_responses(NotFoundError),
    },
)
async def update_definition(slug: str, body: DefinitionPatch, _admin: AdminDep) -> Response:
    """Change the given fields. Existing wallets keep the terms they were opened with."""
    definition = await bootstrap.definitions().update(slug, body.model_dump(exclude_unset=True))
    return json_response(DefinitionView.of(definition))
