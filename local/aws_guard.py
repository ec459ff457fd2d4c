"""Keeps web pages in the developer's browser away from moto, which checks nothing itself.

A page can send requests to any address of this machine. A browser marks them: it sends the page's origin, says that the
request was not typed in, or names the host under which the page reached this machine. A request must also be signed
with the access key of this run, as AWS asks. Two requests need no signature, because the functions send none:
refreshing a token, and reading the keys of the user pool.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from local import names

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

_HOST: Final = re.compile(r"(localhost|127\.0\.0\.1)(:\d{1,5})?", re.IGNORECASE)
_FROM_A_PAGE: Final = ("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE")
_SIGNER: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/")
_KEY_SET: Final = f"/{names.POOL_ID}/.well-known/jwks.json"
_REFRESH: Final = "AWSCognitoIdentityProviderService.InitiateAuth"
_REFRESH_FLOW: Final = "REFRESH_TOKEN_AUTH"
_JSON: Final = re.compile(r"application/x-amz-json-1\.[01]")
_LONGEST_REFRESH: Final = 64 * 1024
_OF_THE_SERVER: Final = ("wsgi.", "SERVER_", "REMOTE_")


class AwsGuard:
    """The WSGI application that refuses requests before ``application`` sees them."""

    def __init__(self, application: Application, access_key_id: str) -> None:
        """Accept signatures with this access key."""
        self._application = application
        self._access_key_id = access_key_id

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        admitted, reason = self._admitted(environ)
        if admitted is not None:
            return self._application(admitted, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _admitted(self, environ: Environ) -> tuple[Environ | None, str]:
        """Return what moto may see of a request, or None and why it is refused."""
        if _HOST.fullmatch(environ.get("HTTP_HOST", "")) is None:
            return None, "These services answer on localhost and 127.0.0.1 only."
        if any(name in environ for name in _FROM_A_PAGE):
            return None, "These services do not answer web pages."
        signer = _SIGNER.match(environ.get("HTTP_AUTHORIZATION", ""))
        if signer is not None and signer[1] == self._access_key_id:
            return environ, ""
        return _for_anybody(environ), "Sign the request with the access key in STATE_DIR/environment."


def _for_anybody(environ: Environ) -> Environ | None:
    """Return a request that needs no signature, made anew from the parts that were checked. None for any other request.

    moto finds the service and the operation in whatever it gets: a signature, the query, any header, or the text of the
    body read as a form.
    """
    if "HTTP_AUTHORIZATION" in environ or environ.get("QUERY_STRING"):
        return None
    method, path = environ.get("REQUEST_METHOD"), environ.get("PATH_INFO")
    if (method, path) == ("GET", _KEY_SET):
        return _made_anew(environ, b"")
    if (method, path, environ.get("HTTP_X_AMZ_TARGET")) != ("POST", "/", _REFRESH):
        return None
    body = _refresh_body(environ)
    if body is None:
        return None
    return _made_anew(environ, body) | {"CONTENT_TYPE": "application/x-amz-json-1.1", "HTTP_X_AMZ_TARGET": _REFRESH}


def _made_anew(environ: Environ, body: bytes) -> Environ:
    return {
        **{name: value for name, value in environ.items() if name.startswith(_OF_THE_SERVER)},
        **{name: environ[name] for name in ("REQUEST_METHOD", "PATH_INFO", "HTTP_HOST")},
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


def _refresh_body(environ: Environ) -> bytes | None:
    """Return the JSON object in the body, written so that no form can be read from it. None if it is no refresh."""
    length = environ.get("CONTENT_LENGTH", "")
    if _JSON.fullmatch(environ.get("CONTENT_TYPE", "")) is None or not (length.isascii() and length.isdigit()):
        return None
    if int(length) > _LONGEST_REFRESH:
        return None
    try:
        document = json.loads(environ["wsgi.input"].read(int(length)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("AuthFlow") != _REFRESH_FLOW:
        return None
    # Only texts hold an "&", which would begin the next field of a form.
    return json.dumps(document).replace("&", r"\u0026").encode()
