"""The document: FastAPI's description of the routes, with errors, headers and examples that FastAPI does not know."""

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

from moniqo_core import __version__
from moniqo_core.domain import errors
from moniqo_core.http import problems
from moniqo_core.http.authentication import identify_admin
from moniqo_core.http.route import Route
from moniqo_core.openapi import fixed_parts
from moniqo_core.openapi.examples import sample
from moniqo_core.openapi.named_errors import named_errors

GATEWAY_STATUSES: Final = {"401": "Unauthorized", "429": "Too Many Requests", "503": "Service Unavailable"}


def load_routers(functions: Path) -> Iterator[APIRouter]:
    """Import every function in a folder, and yield the routers of those that have one."""
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
        title=fixed_parts.TITLE,
        version=__version__,
        description=fixed_parts.DESCRIPTION,
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in fixed_parts.TAGS.items()],
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(fixed_parts.SCHEMAS)
    components["examples"] = {code: problems.example(kind) for code, kind in named_errors().items()}
    components["headers"] = fixed_parts.HEADERS
    components["securitySchemes"] = {"bearer": fixed_parts.BEARER}
    for route in routes:
        if route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], route, components["schemas"])
    document["paths"] = dict(sorted(document["paths"].items()))
    components["schemas"] = dict(sorted(components["schemas"].items()))
    return document


def render(document: dict[str, Any]) -> str:
    """Return the document as JSON text. The same routes always give the same text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _complete(operation: dict[str, Any], route: APIRoute, schemas: dict[str, Any]) -> None:
    """Add the errors that follow from the route's dependencies and body, headers, and examples."""
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
        _give_examples(_without_null(operation["requestBody"]["content"]), schemas)
    responses.setdefault("429", {"description": "Too Many Requests."})
    for parameter in operation.get("parameters", []):
        if described := fixed_parts.PARAMETERS.get(parameter["name"]):
            parameter.setdefault("description", described[0])
            parameter.setdefault("example", described[1])
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", [])):
        replayed = {"$ref": "#/components/headers/Idempotent-Replayed"}
        responses.setdefault("200", {}).setdefault("headers", {})["Idempotent-Replayed"] = replayed
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
    if status == "201":
        headers["Location"] = {"$ref": "#/components/headers/Location"}
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


def _without_null(content: dict[str, Any]) -> dict[str, Any]:
    """Describe an optional body by its object alone. ``required`` tells already that the body may be absent."""
    for media in content.values():
        choices = media["schema"].get("anyOf", [])
        objects = [choice for choice in choices if choice != {"type": "null"}]
        if len(objects) == 1:
            media["schema"] = objects[0]
    return content


def _give_examples(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    for media in content.values():
        if "example" not in media and "examples" not in media:
            media["example"] = sample(media["schema"], schemas)
