"""Exchange a refresh token for a new access token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import RateLimitExceededError, UnauthenticatedError
from moniqo_core.http.app import api_router
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.login import RefreshRequest, TokensView

router = api_router()


@router.post(
    "/auth/refresh",
    tags=["Authentication"],
    summary="Refresh the access token",
    responses={
        200: {
            "model": TokensView,
            "description": "A new access token. Use the refresh token of this response from now on.",
        },
        **problem_responses(UnauthenticatedError, RateLimitExceededError),
    },
)
async def refresh_token(body: RefreshRequest, request: Request) -> Response:
    """Get a new access token without the password. Failed attempts are limited per address."""
    address = request.client.host if request.client else ""
    tokens = await bootstrap.login().refresh(body.refresh_token.get_secret_value(), address)
    return json_response(TokensView.model_validate(tokens))
