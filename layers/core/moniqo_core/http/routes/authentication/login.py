"""Log in with e-mail and password."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    ForbiddenError,
    PasswordChangeRequiredError,
    RateLimitExceededError,
    UnauthenticatedError,
)
from moniqo_core.http.app import api_router
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.login import LoginRequest, TokensView

router = api_router()


@router.post(
    "/auth/login",
    tags=["Authentication"],
    summary="Log in",
    responses={
        200: {"model": TokensView, "description": "Tokens of the account."},
        **problem_responses(UnauthenticatedError, PasswordChangeRequiredError, ForbiddenError, RateLimitExceededError),
    },
)
async def login(body: LoginRequest, request: Request) -> Response:
    """Exchange e-mail and password for an access token and a refresh token.

    Failed attempts are limited per account and address. Signing up and resetting a password happen on the sign-in page.
    """
    address = request.client.host if request.client else ""
    tokens = await bootstrap.login().log_in(body.email, body.password.get_secret_value(), address)
    return json_response(TokensView.model_validate(tokens))
