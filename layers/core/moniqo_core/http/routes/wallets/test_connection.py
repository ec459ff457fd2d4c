"""Test the connection of a wallet."""

from __future__ import annotations

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router
from moniqo_core.http.authentication import CallerDep
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.wallets.views import ConnectionTestView

router = api_router()


@router.post(
    "/wallets/{user_wallet_id}/test-connection",
    tags=["Wallets"],
    summary="Test the connection",
    responses={
        200: {"model": ConnectionTestView, "description": "The result of the test, whether or not it succeeded."},
        **problem_responses(NotFoundError),
    },
)
async def test_connection(user_wallet_id: str, caller: CallerDep) -> Response:
    """Test whether the account answers, and store the result in `connection`."""
    result = await bootstrap.wallet_connection().test(caller.user_id, user_wallet_id)
    return json_response(ConnectionTestView.model_validate(result))
