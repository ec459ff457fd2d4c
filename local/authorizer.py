"""The template's JWT authorizers, with the service's own token verifier."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from local import names
from local.declarations import JwtAuthorizer, Route
from local.events import Request
from moniqo_core.domain.errors import TemporarilyUnavailableError, UnauthenticatedError
from moniqo_core.http.tokens.verifier import TokenVerifier


class UnauthorizedError(Exception):
    """The gateway answers 401. ``challenge`` is its WWW-Authenticate header."""

    def __init__(self, challenge: str) -> None:
        """Refuse with this challenge."""
        super().__init__(challenge)
        self.challenge = challenge


class ForbiddenError(Exception):
    """The gateway answers 403: the token lacks a scope that the route asks for."""


def key_set_url(issuer: str, aws_url: str) -> str:
    """Return the URL of an issuer's keys. Those of the local user pool are at moto."""
    local = issuer.endswith(f"/{names.POOL_ID}")
    return (f"{aws_url}/{names.POOL_ID}" if local else issuer.rstrip("/")) + "/.well-known/jwks.json"


class Authorizers:
    """Checks tokens as each route of the template asks."""

    def __init__(self, authorizers: Mapping[str, JwtAuthorizer], aws_url: str) -> None:
        """Verify with the keys that each authorizer's issuer publishes."""
        self._authorizers = authorizers
        self._verifiers = {
            name: [TokenVerifier(known.issuer, client, key_set_url(known.issuer, aws_url)) for client in known.audience]
            for name, known in authorizers.items()
        }

    async def authorize(self, route: Route, request: Request) -> Mapping[str, Any] | None:
        """Return the token's claims, or nothing on a public route.

        ``UnauthorizedError``: there is no token, or it does not verify. ``ForbiddenError``: the token has none of the
        route's scopes.

        """
        if route.authorizer is None:
            return None
        header = request.header(self._authorizers[route.authorizer].header)
        scheme, _, rest = header.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else header.strip()
        if not token:
            raise UnauthorizedError("Bearer")
        claims = await self._verify(route.authorizer, token)
        if route.scopes and not set(route.scopes) & set(str(claims.get("scope", "")).split()):
            raise ForbiddenError
        return claims

    async def _verify(self, authorizer: str, token: str) -> Mapping[str, Any]:
        reason = "the token cannot be verified"
        for verifier in self._verifiers[authorizer]:
            try:
                return await asyncio.to_thread(verifier.verify, token)
            except UnauthenticatedError as error:
                reason = error.detail.rstrip(".").lower()
            except TemporarilyUnavailableError:
                reason = "the issuer's keys cannot be fetched"
        raise UnauthorizedError(f'Bearer scope="" error="invalid_token" error_description="{reason}"')
