"""Take a kind of wallet out of the catalogue (admins)."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError, WalletInUseError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import AdminDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import no_content

router = api_router()


@router.delete(
    "/wallets/definitions/{slug}",
    status_code=204,
    tags=["Wallet definitions"],
    summary="Delete a definition",
    responses={
        204: {"description": "Deleted. The slug can be used again."},
        **problem_responses(NotFoundError, WalletInUseError),
    },
)
async def delete_definition(slug: str, _admin: AdminDep) -> Response:
    """Delete an unused definition. To only stop new wallets of this kind, set `is_active` to false instead."""
    await bootstrap.definitions().delete(slug)
    return no_content()
