"""The claims of a token as API Gateway hands them on: in its event, with lists flattened to text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from moniqo_core.http.tokens.claims import group_names

_TOKEN: Final = re.compile(r"(?:bearer\s+)?([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\s*", re.IGNORECASE)


def gateway_claims(event: Any) -> Mapping[str, Any] | None:
    """Return the claims that the authorizer of API Gateway verified, or None without a gateway."""
    authorizer = event["requestContext"].get("authorizer") if event else None
    jwt = authorizer.get("jwt") if authorizer else None
    claims = jwt.get("claims") if jwt else None
    return claims or None


def verified_header(authorization: str) -> Mapping[str, Any]:
    """Return the header of the token that the gateway verified. It is empty without a token."""
    found = _TOKEN.fullmatch(authorization)
    return _decoded(found[1]) if found else {}


def verified_claims(authorization: str) -> Mapping[str, Any]:
    """Return the claims of the token that the gateway verified. They are empty without a token."""
    found = _TOKEN.fullmatch(authorization)
    return _decoded(found[2]) if found else {}


def gateway_groups(flattened: object, token_claim: object) -> frozenset[str]:
    """Return the groups that the gateway handed on, each with its exact name.

    The gateway flattens a list to ``"[admin trader]"``, so one group ``not admin`` looks like two. Therefore the names
    come from the token itself, as long as it has the list that was flattened. In an event without a token, the text is
    split at its spaces. This is exact for the user pool, because the names of its groups have no spaces.
    """
    if token_claim is not None:
        names = group_names(token_claim)
        same = flattened == (f"[{' '.join(map(str, token_claim))}]" if isinstance(token_claim, list) else token_claim)
        return names if same else frozenset()
    if isinstance(flattened, str) and flattened.startswith("[") and flattened.endswith("]"):
        return frozenset(flattened[1:-1].split())
    return group_names(flattened)


def _decoded(part: str) -> Mapping[str, Any]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
