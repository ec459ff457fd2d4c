"""Verification of access tokens, where no gateway has verified them.

The algorithm follows from the type of the issuer's key, never from the token. Key material in a token's header
(``jwk``, ``jku``, ``x5u``) is ignored. PyJWT is imported on first use, because nothing here runs behind API Gateway.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from http.client import HTTPException
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from moniqo_core.domain.errors import TemporarilyUnavailableError, UnauthenticatedError
from moniqo_core.http.tokens.claims import is_access_token

MAX_TOKEN_LENGTH: Final = 8192
SEEN: Final = 256
"""The most verified tokens that an execution environment remembers."""
FETCH_SECONDS: Final = 3
MAX_KEY_SET_BYTES: Final = 262_144
KEYS_FRESH_SECONDS: Final = 3600
REFETCH_SECONDS: Final = 30

_ALGORITHMS: Final = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
_REFUSAL: Final = "The token is not valid."


def fetch(url: str) -> bytes:
    """Download a key set. Plain HTTP is accepted from this machine only, and a redirect leads to https only.

    Raises:
        ValueError: the URL or a redirect is not https, or the answer is not HTTP.
        OSError: the answer did not arrive within :data:`FETCH_SECONDS`.

    """
    from moniqo_core.http.tokens.key_set_address import opener

    until = time.monotonic() + FETCH_SECONDS
    content = bytearray()
    try:
        # The time-out applies to each read, and the clock ends an answer that trickles.
        with opener(url).open(url, timeout=2) as answer:
            while len(content) < MAX_KEY_SET_BYTES and (piece := answer.read1(MAX_KEY_SET_BYTES)):
                content += piece
                if time.monotonic() > until:
                    raise TimeoutError(url)
    except HTTPException as error:
        raise ValueError("the answer is not HTTP") from error
    return bytes(content)


class _Seen(NamedTuple):
    """The claims of a verified token, its expiry in Unix seconds, and the key that verified it."""

    claims: Mapping[str, Any]
    expires_at: float
    kid: str
    key: object


class TokenVerifier:
    """Verifies access tokens of one issuer for one client.

    The issuer's keys are cached. Once there are keys, they are fetched again at most every 30 s. A verified token is
    recognized by its digest, as long as it has not expired and the issuer keeps its key.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        jwks_url: str,
        *,
        fetch: Callable[[str], bytes] = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Verify tokens that ``issuer`` made for ``client_id`` with a key listed at ``jwks_url``."""
        self._issuer = issuer
        self._client_id = client_id
        self._jwks_url = jwks_url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._asked_at = 0.0
        self._seen: dict[bytes, _Seen] = {}

    def verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a valid token.

        Raises:
            UnauthenticatedError: the token is malformed, forged, expired or meant for another client.
            TemporarilyUnavailableError: the issuer's keys cannot be fetched.

        """
        import jwt

        if len(token) > MAX_TOKEN_LENGTH:
            raise UnauthenticatedError(_REFUSAL)
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        seen = self._seen.get(digest)
        if seen is not None and seen.expires_at > time.time() and self._key(seen.kid) is seen.key:
            return seen.claims
        try:
            header = _header(token)
            key = self._key(header.get("kid"))
            if "crit" in header or key is None or header.get("alg") != key.algorithm_name:
                raise UnauthenticatedError(_REFUSAL)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The token has expired.") from None
        except jwt.PyJWTError:
            raise UnauthenticatedError(_REFUSAL) from None
        if not is_access_token(claims, lambda: header) or not self._is_for_us(claims):
            raise UnauthenticatedError("The token was issued for another purpose.")
        while len(self._seen) >= SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[digest] = _Seen(MappingProxyType(claims), float(claims["exp"]), header["kid"], key)
        return claims

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        audience = claims.get("aud", claims.get("client_id"))
        accepted = audience if isinstance(audience, list) else [audience]
        return self._client_id in accepted and claims.get("client_id", self._client_id) == self._client_id

    def _key(self, kid: object) -> Any:
        """Return a key, or None. Old keys and unknown ids fetch the set again, at most every ``REFETCH_SECONDS``."""
        if not isinstance(kid, str):
            return None
        now = self._clock()
        wanted = kid not in self._keys or now - self._fetched_at > KEYS_FRESH_SECONDS
        if not self._keys or (wanted and now - self._asked_at > REFETCH_SECONDS):
            self._asked_at = now
            self._refresh()
        return self._keys.get(kid)

    def _refresh(self) -> None:
        import jwt

        try:
            listed = json.loads(self._fetch(self._jwks_url))["keys"]
            entries = {entry["kid"]: entry for entry in listed if isinstance(entry.get("kid"), str)}
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            if self._keys:
                return
            raise TemporarilyUnavailableError(
                "The keys of the token issuer cannot be fetched.", retry_after=5
            ) from error
        keys: dict[str, Any] = {}
        for kid, entry in entries.items():
            algorithm = _ALGORITHMS.get((entry.get("kty"), entry.get("crv")))
            if algorithm is not None and entry.get("use", "sig") == "sig":
                with suppress(jwt.PyJWTError):
                    keys[kid] = jwt.PyJWK(entry, algorithm)
        self._keys = keys
        self._fetched_at = self._asked_at


def _header(token: str) -> dict[str, Any]:
    """Return the header of a token, which names the key. PyJWT checks the whole token afterwards."""
    from jwt.utils import base64url_decode

    try:
        header = json.loads(base64url_decode(token.partition(".")[0]))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise UnauthenticatedError(_REFUSAL)
    return header
