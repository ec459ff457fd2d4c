"""The claims of a token as API Gateway hands them on: in its event, and lists flattened to text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def gateway_claims(event: Any) -> Mapping[str, Any] | None:
    """Return the claims that the authorizer of API Gateway verified, or None without a gateway."""
    authorizer = event["requestContext"].get("authorizer") if event else None
    jwt = authorizer.get("jwt") if authorizer else None
    claims = jwt.get("claims") if jwt else None
    return claims or None


def read_groups(claim: object) -> frozenset[str]:
    """Read the groups: a list in the token itself, flattened by API Gateway to ``"[admin trader]"``."""
    if isinstance(claim, list):
        return frozenset(item for item in claim if isinstance(item, str))
    if isinstance(claim, str):
        return frozenset(claim.removeprefix("[").removesuffix("]").split())
    return frozenset()
