"""The adapter between Mangum and API Gateway, for HTTP API events of format 2.0 only.

Mangum's own class builds the ASGI scope twice, fails on some Host headers, and returns problem documents in base64.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote


class HttpApi:
    """Translates one event to an ASGI scope, and the ASGI answer back. It implements Mangum's ``LambdaHandler``."""

    @classmethod
    def infer(cls, *_: Any) -> bool:
        """Accept every event, because only an HTTP API calls our functions."""
        return True

    def __init__(self, event: Any, context: Any, *_: Any) -> None:
        """Keep the event until Mangum reads its parts."""
        self.event = event
        self.context = context

    @property
    def body(self) -> bytes:
        """The body of the request as it was sent."""
        body = self.event.get("body") or ""
        return base64.b64decode(body) if self.event.get("isBase64Encoded") else body.encode()

    @property
    def scope(self) -> dict[str, Any]:
        """The ASGI scope, which also holds the event and the context."""
        event = self.event
        http = event["requestContext"]["http"]
        headers = [(name.lower().encode(), value.encode()) for name, value in event.get("headers", {}).items()]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": http["method"],
            "scheme": "https",
            "path": unquote(event.get("rawPath") or http["path"]),
            "raw_path": None,
            "root_path": "",
            "query_string": event.get("rawQueryString", "").encode(),
            "headers": headers,
            "client": (http.get("sourceIp", ""), 0),
            "server": (event["requestContext"].get("domainName", ""), 443),
            "aws.event": event,
            "aws.context": self.context,
        }

    def __call__(self, response: Any) -> dict[str, Any]:
        """Return the answer in the form that API Gateway expects. A body that is not UTF-8 is encoded in base64."""
        body: bytes = response["body"]
        headers: dict[str, str] = {}
        for name, value in response["headers"]:
            key = name.decode("latin-1")
            headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        answer: dict[str, Any] = {"statusCode": response["status"], "headers": headers, "isBase64Encoded": False}
        try:
            answer["body"] = body.decode()
        except UnicodeDecodeError:
            answer["body"] = base64.b64encode(body).decode()
            answer["isBase64Encoded"] = True
        return answer
