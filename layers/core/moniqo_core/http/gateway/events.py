"""Events of API Gateway and answers to it, for HTTP APIs with format 2.0 only.

Mangum's own class builds the ASGI scope twice, fails on some Host headers, and returns problem documents in base64.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote, urlencode

from moniqo_core.http.gateway.compression import compressed


class HttpApi:
    """Translates one event to an ASGI scope, and the ASGI answer back."""

    def __init__(self, event: Any, context: Any) -> None:
        """Keep the event until its parts are read."""
        self.event = event
        self.context = context

    @property
    def body(self) -> bytes:
        """The body of the request as it was sent."""
        body = self.event.get("body") or ""
        return base64.b64decode(body) if self.event.get("isBase64Encoded") else _octets(body)

    @property
    def scope(self) -> dict[str, Any]:
        """The ASGI scope, which also holds the event and the context."""
        event = self.event
        http = event["requestContext"]["http"]
        headers = [
            (name.lower().encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
            for name, value in event.get("headers", {}).items()
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": http["method"],
            "scheme": "https",
            "path": _octets(unquote(event.get("rawPath") or http["path"])).decode("utf-8", "replace"),
            "raw_path": None,
            "root_path": "",
            "query_string": _octets(_query(event)),
            "headers": headers,
            "client": (http.get("sourceIp", ""), 0),
            "server": (event["requestContext"].get("domainName", ""), 443),
            "aws.event": event,
            "aws.context": self.context,
        }

    def __call__(self, response: Any) -> dict[str, Any]:
        """Return the answer in the form that API Gateway expects, with its body compressed if the client accepts that.

        A body that is not UTF-8, such as a compressed one, is encoded in base64. The gateway decodes it.
        """
        headers: dict[str, str] = {}
        for name, value in response["headers"]:
            key = name.decode("latin-1")
            headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        body = compressed(response["body"], headers, self.event.get("headers", {}).get("accept-encoding", ""))
        answer: dict[str, Any] = {"statusCode": response["status"], "headers": headers, "isBase64Encoded": False}
        try:
            answer["body"] = body.decode()
        except UnicodeDecodeError:
            answer["body"] = base64.b64encode(body).decode()
            answer["isBase64Encoded"] = True
        return answer


def _octets(text: str) -> bytes:
    """Return text as UTF-8. Half of a surrogate pair, which JSON can hold, becomes octets that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _query(event: Any) -> str:
    """Return the query string as it was sent.

    API Gateway always gives it. A test event written by hand may have only ``queryStringParameters``, where a repeated
    parameter is one with commas.
    """
    return event.get("rawQueryString") or urlencode(event.get("queryStringParameters") or {}, errors="surrogatepass")
