"""The OpenAPI document, made of the routes of every function.

``python -m moniqo.openapi functions functions/get_docs/openapi.json`` writes it; a test fails when it is out of date.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from moniqo.domain import errors
from moniqo.http import problems
from moniqo.http.authentication import identify_admin
from moniqo.http.openapi_examples import sample
from moniqo.http.route import Route

VERSION: Final = "1.0.0"
TITLE: Final = "Moniqo Wallets"
DESCRIPTION: Final = """\
One interface over paper wallets and real trading accounts: connect a wallet, trade through it, and see balances that
are always right.

**Amounts** are decimal strings in answers (`"0.01"`); requests may send a string or a JSON number. **Times** are
RFC 3339 in UTC. Fields that are not known are refused.

**Errors** are problem details (RFC 9457). Switch on `code`; `hint` says what to do next, `retryable` whether the same
call may succeed later. What the gateway itself refuses has its own shape, `{"message": ...}`: a missing, invalid or
expired token (401), an unknown route (404), too many requests (429), no answer in time (503).

**Log in** with `POST /api/v1/auth/login`, press *Authorize* and paste the access token.
"""
TAGS: Final = {
    "Authentication": "Log in, and stay logged in.",
    "Wallet definitions": "The catalogue of what can be connected.",
    "Wallets": "Wallets of the caller: connect, look, change, pause, delete.",
    "Orders": "Place, look up and cancel orders; see what was traded.",
    "Portfolio": "Positions, results and history of a wallet.",
    "Markets": "Symbols and prices as one wallet sees them.",
    "Sync": "Keep stored balances true, and see how that went.",
    "Service": "The service itself.",
}
PARAMETERS: Final = {
    "user_wallet_id": ("Id of one of the caller's wallets.", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    "slug": ("Slug of a wallet definition.", "demo-wallet-v1"),
    "order_id": ("Id of an order of this wallet.", "o-12-1"),
    "symbol": ("A symbol this wallet can trade.", "BTC/USDT"),
    "interval": ("Length of a candle.", "1m"),
    "limit": ("How many.", 50),
    "status": ("Only those in this state.", "active"),
}
GATEWAY_STATUSES: Final = {"401": "Unauthorized", "429": "Too Many Requests", "503": "Service Unavailable"}


def load_routers(functions: Path) -> Iterator[APIRouter]:
    """Import every function under a folder that has a router."""
    for path in sorted(functions.glob("*/app.py")):
        spec = importlib.util.spec_from_file_location(f"openapi_{path.parent.name}", path)
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        if isinstance(found := getattr(module, "router", None), APIRouter):
            yield found


def build(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """Return the document that describes these routers."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    document = get_openapi(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(_SCHEMAS)
    components["examples"] = {code: problems.example(kind) for code, kind in named_errors().items()}
    components["headers"] = _HEADERS
    components["securitySchemes"] = {"bearer": _BEARER}
    for route in routes:
        if route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], route, components["schemas"])
    document["paths"] = dict(sorted(document["paths"].items()))
    components["schemas"] = dict(sorted(components["schemas"].items()))
    return document


def render(document: dict[str, Any]) -> str:
    """Return the document as text, the same for the same routes."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _complete(operation: dict[str, Any], route: APIRoute, schemas: dict[str, Any]) -> None:
    """Add what follows from the route's dependencies and body, headers, and examples."""
    operation["operationId"] = route.name
    caller = route.identify if isinstance(route, Route) else None
    responses = operation["responses"]
    if caller is not None:
        operation["security"] = [{"bearer": []}]
        _add(responses, errors.UnauthenticatedError)
    if caller is identify_admin:
        _add(responses, errors.ForbiddenError)
    if "requestBody" in operation:
        _add(responses, errors.MalformedRequestError)
        _add(responses, errors.PayloadTooLargeError)
        _give_examples(operation["requestBody"]["content"], schemas)
    if "requestBody" not in operation and not operation.get("parameters"):
        del responses["422"]
    responses.setdefault("429", {"description": "Too Many Requests."})
    for parameter in operation.get("parameters", []):
        if described := PARAMETERS.get(parameter["name"]):
            parameter.setdefault("description", described[0])
            parameter.setdefault("example", described[1])
    for status, response in responses.items():
        _finish_response(status, response, schemas, secured="security" in operation)
    operation["responses"] = dict(sorted(responses.items()))


def _add(responses: dict[str, Any], refusal: type[errors.WalletError]) -> None:
    described = problems.describe(refusal)
    present = responses.setdefault(str(refusal.status), described)
    present["content"][problems.MEDIA_TYPE]["examples"] |= described["content"][problems.MEDIA_TYPE]["examples"]


def _finish_response(status: str, response: dict[str, Any], schemas: dict[str, Any], *, secured: bool) -> None:
    headers = response.setdefault("headers", {})
    headers["X-Request-Id"] = {"$ref": "#/components/headers/X-Request-Id"}
    if status in {"429", "503"}:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    content = response.setdefault("content", {})
    if status in GATEWAY_STATUSES and (secured or status != "401"):
        content["application/json"] = {
            "schema": {"$ref": "#/components/schemas/GatewayRefusal"},
            "example": {"message": GATEWAY_STATUSES[status]},
        }
    _give_examples(content, schemas)
    if not content:
        del response["content"]


def _give_examples(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    for media in content.values():
        if "example" not in media and "examples" not in media:
            media["example"] = sample(media["schema"], schemas)


def errors_of(base: type[errors.WalletError] = errors.WalletError) -> Iterator[type[errors.WalletError]]:
    """Return a class and, after it, those under it in the same module: what others derive says nothing new outside."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from errors_of(kind)


def named_errors() -> dict[str, type[errors.WalletError]]:
    """Return the class that stands for each code: the outermost of those that share it."""
    named: dict[str, type[errors.WalletError]] = {}
    for kind in errors_of():
        named.setdefault(kind.code, kind)
    return dict(sorted(named.items()))


_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The access token of POST /api/v1/auth/login.",
}
_HEADERS: Final = {
    "X-Request-Id": {"description": "Names this request in our logs.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
}
_SCHEMAS: Final = {
    "Problem": {
        "type": "object",
        "description": "What was refused, why, and what to do next. Errors add members of their own.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "hint", "retryable"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "Names the kind of error."},
            "title": {"type": "string", "description": "The kind of error in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong with this request."},
            "instance": {"type": "string", "description": "The path that was called."},
            "code": {"type": "string", "enum": sorted(named_errors()), "description": "The stable name to switch on."},
            "request_id": {"type": "string", "description": "The same as the header X-Request-Id."},
            "hint": {"type": "string", "description": "What to do next."},
            "retryable": {"type": "boolean", "description": "Whether the same call may succeed later."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/InvalidField"}},
        },
        "additionalProperties": True,
    },
    "InvalidField": {
        "type": "object",
        "description": "A field that was refused. What was sent is not repeated.",
        "required": ["field", "message", "code"],
        "properties": {"field": {"type": "string"}, "message": {"type": "string"}, "code": {"type": "string"}},
    },
    "GatewayRefusal": {
        "type": "object",
        "description": "A refusal of the gateway, before any code of ours ran.",
        "required": ["message"],
        "properties": {"message": {"type": ["string", "null"]}},
    },
}


def main(arguments: list[str]) -> int:
    """Write the document of the functions under a folder to a file."""
    functions, target = map(Path, arguments)
    target.write_text(render(build(load_routers(functions))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
