"""Keeps web pages in the developer's browser away from moto, which checks nothing itself.

A page can send requests to any address of this machine. A browser marks them: it sends the page's origin, says that the
request was not typed in, or names the host under which the page reached this machine. A request must also be signed
with the access key of this run, as AWS asks, unless it logs a user in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

_HOST: Final = re.compile(r"(localhost|127\.0\.0\.1)(:\d{1,5})?", re.IGNORECASE)
_FROM_A_PAGE: Final = ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE")
_SIGNER: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/")
_KEY_SET: Final = re.compile(r"/[A-Za-z0-9_-]+/\.well-known/jwks\.json")
_LOGIN: Final = "AWSCognitoIdentityProviderService.InitiateAuth"
"""The operation that the functions call without a signature, because AWS lets anybody call it."""


class AwsGuard:
    """The WSGI application that refuses requests before ``application`` sees them."""

    def __init__(self, application: Application, access_key_id: str) -> None:
        """Accept signatures with this access key."""
        self._application = application
        self._access_key_id = access_key_id

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        reason = self.refusal(environ)
        if reason is None:
            return self._application(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def refusal(self, environ: dict[str, Any]) -> str | None:
        """Return why a request is refused, or None."""
        if _HOST.fullmatch(environ.get("HTTP_HOST", "")) is None:
            return "These services answer on localhost and 127.0.0.1 only."
        if any(name in environ for name in _FROM_A_PAGE):
            return "These services do not answer web pages."
        is_key_set = environ.get("REQUEST_METHOD") == "GET" and _KEY_SET.fullmatch(environ.get("PATH_INFO", ""))
        if is_key_set or environ.get("HTTP_X_AMZ_TARGET") == _LOGIN:
            return None
        signer = _SIGNER.match(environ.get("HTTP_AUTHORIZATION", ""))
        if signer is None or signer[1] != self._access_key_id:
            return "Sign the request with the access key in STATE_DIR/environment."
        return None
