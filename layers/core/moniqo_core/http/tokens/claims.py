"""What the claims of a verified token say: whether it is an access token, and which groups its user is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_ACCESS_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
"""The header ``typ`` of an access token by RFC 9068."""
_ACCESS_USE: Final = ("token_use", "access")
"""The claim of an access token of Cognito, and its value."""
_ONLY_IN_ID_TOKENS: Final = ("nonce", "at_hash", "c_hash", "s_hash")
_ONLY_IN_ACCESS_TOKENS: Final = ("client_id", "scope", "scp", "cid")


def is_access_token(claims: Mapping[str, Any], header: Callable[[], Mapping[str, Any]]) -> bool:
    """Tell whether a verified token is one for calling an API. A token that only proves a login is not one.

    Cognito says it in ``token_use``, RFC 9068 in the header, Keycloak in the claim ``typ``. Other issuers give an
    access token a scope or a client id, which ID tokens lack. ``header`` is called only without ``token_use``.
    """
    use, wanted = _ACCESS_USE
    if use in claims:
        return bool(claims[use] == wanted)
    if str(header().get("typ", "")).lower() in _ACCESS_TYPES:
        return True
    if "typ" in claims:
        return bool(claims["typ"] == "Bearer")
    if any(name in claims for name in _ONLY_IN_ID_TOKENS):
        return False
    return any(name in claims for name in _ONLY_IN_ACCESS_TOKENS)


def group_names(claim: object) -> frozenset[str]:
    """Return the names in a claim of groups: each text of a list, or one text. A name may contain spaces."""
    names = claim if isinstance(claim, list) else [claim]
    return frozenset(name for name in names if isinstance(name, str) and name)
