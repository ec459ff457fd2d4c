"""Who is calling: the claims API Gateway verified, or where no gateway did, a token verified here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request

from moniqo_core import bootstrap
from moniqo_core.domain.errors import ForbiddenError, UnauthenticatedError
from moniqo_core.http.tokens import TokenVerifier

ADMIN_GROUP: Final = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified user: ``user_id`` as the identity provider knows it, and the groups the token lists."""

    user_id: str
    groups: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Tell whether admin routes are open to this user."""
        return ADMIN_GROUP in self.groups

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any], user_claim: str) -> Caller:
        """Read verified claims.

        Raises:
            UnauthenticatedError: the claims are those of another kind of token, or name no user.

        """
        user_id = claims.get(user_claim)
        if claims.get("token_use", "access") != "access" or not isinstance(user_id, str) or not user_id:
            raise UnauthenticatedError("This is not an access token of a user.")
        return cls(user_id, _groups(claims.get("cognito:groups")))


def _groups(claim: object) -> frozenset[str]:
    """Read the groups: a list in the token itself, flattened by API Gateway to ``"[admin trader]"``."""
    if isinstance(claim, list):
        return frozenset(item for item in claim if isinstance(item, str))
    if isinstance(claim, str):
        return frozenset(claim.removeprefix("[").removesuffix("]").split())
    return frozenset()


@cache
def verifier() -> TokenVerifier:
    """Return the verifier of this deployment's issuer; its key cache lives as long as the environment."""
    settings = bootstrap.settings()
    return TokenVerifier(settings.need("jwt_issuer"), settings.need("jwt_client_id"), settings.need("jwt_jwks_url"))


async def identify(request: Request) -> Caller:
    """Return who calls; the dependency behind :data:`CallerDep`.

    Raises:
        UnauthenticatedError: no token, or one that does not verify.

    """
    scope = request.scope
    claims = _gateway_claims(scope.get("aws.event"))
    if claims is None:
        claims = verifier().verify(_bearer_token(request))
    caller = Caller.from_claims(claims, bootstrap.settings().jwt_user_claim)
    scope["moniqo.user_id"] = caller.user_id
    return caller


async def identify_admin(request: Request) -> Caller:
    """Return the calling administrator; the dependency behind :data:`AdminDep`.

    Raises:
        UnauthenticatedError: no token, or one that does not verify.
        ForbiddenError: the caller is not in the group ``admin``.

    """
    caller = await identify(request)
    if not caller.is_admin:
        raise ForbiddenError("Only administrators may do this.")
    return caller


def _gateway_claims(event: Any) -> Mapping[str, Any] | None:
    authorizer = event["requestContext"].get("authorizer") if event else None
    jwt = authorizer.get("jwt") if authorizer else None
    claims = jwt.get("claims") if jwt else None
    return claims or None


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("The request has no bearer token.")
    return token.strip()


CallerDep = Annotated[Caller, Depends(identify)]
AdminDep = Annotated[Caller, Depends(identify_admin)]
