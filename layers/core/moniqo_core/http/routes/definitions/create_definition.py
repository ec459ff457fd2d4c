"""Add a kind of wallet to the catalogue (admins)."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import DuplicateSlugError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import AdminDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import created
from moniqo_core.http.schemas.definitions.requests import DefinitionCreate
from moniqo_core.http.schemas.definitions.views import DefinitionView

router = api_router()


@router.post(
    "/wallets/definitions",
    status_code=201,
    tags=["Wallet definitions"],
    summary="Create a definition",
    responses={
        201: {"model": DefinitionView, "description": "The new definition."},
        **problem_responses(DuplicateSlugError),
    },
)
async def create_definition(body: DefinitionCreate, _admin: AdminDep) -> Response:
    """Describe a venue that users can connect: what it trades, its fees and the credentials it needs."""
    definition = await bootstrap.definitions().create(body.model_dump())
    return created(DefinitionView.of(definition), f"/wallets/definitions/{definition.slug}")
