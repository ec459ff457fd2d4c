"""Calling the real handlers with API Gateway events (HTTP API, payload format 2.0)."""

from __future__ import annotations

import importlib.util
import json
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
BASE_PATH = "/api/v1"


@dataclass(frozen=True)
class User:
    """The caller of a request."""

    id: str
    groups: tuple[str, ...] = ()

    @property
    def claims(self) -> dict[str, str]:
        """Verified claims as API Gateway passes them on: everything is text, lists are flattened."""
        claims = {"sub": self.id, "token_use": "access", "client_id": "test-client", "username": self.id}
        return claims | ({"cognito:groups": f"[{' '.join(self.groups)}]"} if self.groups else {})


TRADER = User("11111111-1111-4111-8111-111111111111")
STRANGER = User("22222222-2222-4222-8222-222222222222")
ADMIN = User("33333333-3333-4333-8333-333333333333", ("admin", "trader"))


@dataclass(frozen=True)
class Answer:
    """What a handler returned."""

    status: int
    headers: Mapping[str, str]
    text: str
    is_base64: bool = False

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


def http_event(
    method: str,
    path: str,
    *,
    user: User | None = None,
    body: object = None,
    query: Mapping[str, object] | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build an event. A ``body`` that is text is sent as it is, any other as JSON. ``query`` may be a raw string."""
    path = path if path == "/" or path.startswith("/api/") else BASE_PATH + path
    raw_query = query if isinstance(query, str) else urlencode(query or {})
    sent = {"accept": "*/*", "host": "api.example.test", "user-agent": "tests", "x-forwarded-proto": "https"}
    if body is not None:
        sent["content-type"] = "application/json"
    sent |= {name.lower(): value for name, value in (headers or {}).items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": sent,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "test",
            "domainName": "api.example.test",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "tests",
            },
            "requestId": f"test-{uuid.uuid4()}",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Feb/2026:12:00:00 +0000",
            "timeEpoch": 1769947200000,
        },
        "isBase64Encoded": False,
    }
    if user is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": user.claims, "scopes": None}}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


@cache
def load_function(name: str) -> ModuleType:
    """Import functions/<name>/app.py, once, under a name of its own."""
    module_name = f"function_{name}"
    spec = importlib.util.spec_from_file_location(module_name, ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def call(function: str, event: Mapping[str, Any]) -> Answer:
    """Call a function's handler with an event."""
    result = load_function(function).handler(event, None)
    return Answer(result["statusCode"], result["headers"], result.get("body", ""), result["isBase64Encoded"])


def invoke(
    function: str,
    method: str,
    path: str,
    *,
    user: User | None = None,
    body: object = None,
    query: Mapping[str, object] | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Call a function as a client would through the gateway."""
    return call(function, http_event(method, path, user=user, body=body, query=query, headers=headers))


Invoke = Callable[..., Answer]
