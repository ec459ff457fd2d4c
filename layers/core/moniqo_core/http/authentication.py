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
from moniqo_core.http.tokens.claims import group_names, is_access_token
from moniqo_core.http.tokens.gateway_claims import gateway_claims, gateway_groups, verified_claims, verified_header
from moniqo_core.http.tokens.verifier import TokenVerifier

ADMIN_GROUP: Final = "admin"
_OTHER_PURPOSE: Final = "This is not an access token of a user."


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified user: the id at the identity provider, and the exact names of the groups in the token."""

    user_id: str
    groups: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether this user may call admin routes."""
        return ADMIN_GROUP in self.groups


def caller_of_gateway(claims: Mapping[str, Any], authorization: str) -> Caller:
    """Return the caller whose token the gateway verified.

    Args:
        claims: The claims in the gateway's event, all of them text.
        authorization: The header with the verified token. The token has the claims as they were before the gateway
            flattened them.

    Raises:
        UnauthenticatedError: the token is not an access token, or names no user.

    """
    if not is_access_token(claims, lambda: verified_header(authorization)):
        raise UnauthenticatedError(_OTHER_PURPOSE)
    name = bootstrap.settings().jwt_groups_claim
    flattened = claims.get(name)
    groups = frozenset() if flattened is None else gateway_groups(flattened, verified_claims(authorization).get(name))
    return Caller(_user_id(claims), groups)


def caller_of_token(token: str) -> Caller:
    """Return the caller that a token names, after it was verified here.

    Raises:
        UnauthenticatedError: the token is not valid, is not an access token, or names no user.
        TemporarilyUnavailableError: the issuer's keys cannot be fetched.

    """
    claims = verifier().verify(token)
    return Caller(_user_id(claims), group_names(claims.get(bootstrap.settings().jwt_groups_claim)))


def _user_id(claims: Mapping[str, Any]) -> str:
    user_id = claims.get(bootstrap.settings().jwt_user_claim)
    if not isinstance(user_id, str) or not user_id:
        raise UnauthenticatedError(_OTHER_PURPOSE)
    return user_id


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
        caller = caller_of_token(_bearer_token(request))
    else:
        caller = caller_of_gateway(claims, request.headers.get("authorization", ""))
    scope["moniqo.user_id"] = caller.user_id
    return caller


async def identify_admin(request: Request) -> Caller:
    """Return the calling admin. This is the dependency behind :data:`AdminDep`.

    Raises:
        UnauthenticatedError: the request has no token, or an invalid one.
        ForbiddenError: the caller is not in the group ``admin``.

    """
    caller = await identify(request)
    if not caller.is_admin:
        raise ForbiddenError("Only admins may do this.")
    return caller


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("The request has no bearer token.")
    return token.strip()


CallerDep = Annotated[Caller, Depends(identify)]
AdminDep = Annotated[Caller, Depends(identify_admin)]
