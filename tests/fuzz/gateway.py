"""Sending a generated case through the real handler: as the wire would carry it, and as the gateway's event."""

from __future__ import annotations

import base64
import gzip
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from schemathesis import Case, Response

from local import events
from local.routing import Router
from local.template import Template
from tests.support.lambdas import ROOT, User, load_function
from tests.support.stack import verb_noun

BASE_URL = "https://api.example.test"
_OF_A_REQUEST = {"method", "url", "headers", "files", "data", "params", "cookies", "json"}


@dataclass(frozen=True)
class Sent:
    """The answer to a case, and who asked. ``function`` is None if the gateway has no such route."""

    response: Response
    function: str | None
    user: User | None


class Gateway:
    """API Gateway before the handlers of this process: routes as in the template, tokens already checked."""

    def __init__(self) -> None:
        self._router = Router(Template(ROOT / "template.yaml").routes)

    def send(self, prepared: requests.PreparedRequest, user: User | None, address: str) -> Sent:
        """Send a request in the name of ``user`` from an IP address. Raise whatever a handler raises."""
        url = urlsplit(prepared.url or "")
        match = self._router.match(prepared.method or "", url.path)
        if match is None:
            return Sent(_response(prepared, events.gateway_response(404, "Not Found")), None, user)
        route, parameters = match
        event = events.http_event(
            _request(prepared, url.path, url.query, address),
            route,
            parameters,
            request_id=base64.b64encode(os.urandom(11)).decode(),
            now=datetime.now(UTC),
            claims=None,
        )
        if user is not None:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": user.claims, "scopes": None}}
        function = verb_noun(route.function)
        result = load_function(function).handler(event, None)
        return Sent(_response(prepared, events.http_response(result)), function, user)


def on_the_wire(case: Case[Any]) -> requests.PreparedRequest:
    """Return a case as an HTTP client sends it. Raise ValueError for what none can send."""
    arguments = case.as_transport_kwargs(base_url=BASE_URL)
    return requests.Request(**{name: value for name, value in arguments.items() if name in _OF_A_REQUEST}).prepare()


def _request(prepared: requests.PreparedRequest, path: str, query: str, address: str) -> events.Request:
    body = prepared.body or b""
    return events.Request(
        method=prepared.method or "",
        raw_path=path,
        raw_query=query,
        headers=[(_text(name).lower(), _text(value)) for name, value in prepared.headers.items()],
        body=body if isinstance(body, bytes) else str(body).encode(),
        client=address,
        protocol="HTTP/1.1",
        port=443,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _response(request: requests.PreparedRequest, answer: events.Response) -> Response:
    headers = {name: [value] for name, value in answer.headers}
    # As HTTP clients do. The header stays for the check against the document.
    body = gzip.decompress(answer.body) if headers.get("content-encoding") == ["gzip"] else answer.body
    return Response(answer.status, headers, body, request, 0.0, verify=False)
