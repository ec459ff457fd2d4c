"""The caller of a request, from claims that API Gateway verified, or from a token that is verified here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ForbiddenError, UnauthenticatedError
from moniqo_core.http.gateway_claims import gateway_claims, read_groups
from moniqo_core.http.tokens import TokenVerifier

ADMIN_GROUP: Final = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified user: the id at the identity provider, and the groups in the token."""

    user_id: str
    groups: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether this user may call admin routes."""
        return ADMIN_GROUP in self.groups

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], user_claim: str) -> Caller:
        """Return the caller that verified claims name.

        Raises:
            UnauthenticatedError: the claims are not those of an access token, or name no user.

        """
        user_id = claims.get(user_claim)
        if claims.get("token_use", "access") != "access" or not isinstance(user_id, str) or not user_id:
            raise UnauthenticatedError("This is not an access token of a user.")
        return cls(user_id, read_groups(claims.get("cognito:groups")))


@cache
def verifier() -> TokenVerifier:
    """Return the verifier for this deployment's issuer. Its keys are cached as long as the environment lives."""
    settings = bootstrap.settings()
    return TokenVerifier(settings.need("jwt_issuer"), settings.need("jwt_client_id"), settings.need("jwt_jwks_url"))


async def identify(request: Request) -> Caller:
    """Return the caller. This is the dependency behind :data:`CallerDep`.

    Raises:
        UnauthenticatedError: the request has no token, or an invalid one.

    """
    scope = request.scope
    claims = gateway_claims(scope.get("aws.event"))
    if claims is None:
        claims = verifier().verify(_bearer_token(request))
    caller = Caller.from_claims(claims, bootstrap.settings().jwt_user_claim)
    scope["moniqo.user_id"] = caller.user_id
    return caller


async def identify_admin(request: Request) -> Caller:
    """Return the calling administrator. This is the dependency behind :data:`AdminDep`.

    Raises:
        UnauthenticatedError: the request has no token, or an invalid one.
        ForbiddenError: the caller is not in the group ``admin``.

    """
    caller = await identify(request)
    if not caller.is_admin:
        raise ForbiddenError("Only administrators may do this.")
    return caller


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("The request has no bearer token.")
    return token.strip()


CallerDep = Annotated[Caller, Depends(identify)]
AdminDep = Annotated[Caller, Depends(identify_admin)]
