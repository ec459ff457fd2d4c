"""Completing FastAPI's description of an operation."""

from __future__ import annotations

from typing import Any, Final

from fastapi.routing import APIRoute

from moniqo_core.domain import errors
from moniqo_core.http import problems
from moniqo_core.http.authentication import identify_admin
from moniqo_core.http.polling import IF_NONE_MATCH
from moniqo_core.http.route import Route
from moniqo_core.openapi import fixed_parts
from moniqo_core.openapi.examples import sample
from moniqo_core.openapi.schemas import tidy

OF_GATEWAY: Final = {
    "401": "Unauthorized",
    "413": "Request Entity Too Large",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "503": "Service Unavailable",
}
"""Statuses that the gateway answers too, and its messages."""


def complete(operation: dict[str, Any], route: APIRoute, schemas: dict[str, Any]) -> None:
    """Add the errors that follow from the route's dependencies and body, headers, and examples."""
    operation["operationId"] = route.name
    caller = route.identify if isinstance(route, Route) else None
    responses = operation["responses"]
    operation["security"] = [] if caller is None else [{"bearer": []}]
    if caller is not None:
        _add(responses, errors.UnauthenticatedError)
    if caller is identify_admin:
        _add(responses, errors.ForbiddenError)
    if "requestBody" in operation:
        _add(responses, errors.MalformedRequestError)
        _add(responses, errors.PayloadTooLargeError)
        content = operation["requestBody"]["content"]["application/json"]
        content["schema"] = _without_null(tidy(content["schema"]))
        content.setdefault("example", sample(content["schema"], schemas))
    responses.setdefault("429", {"description": "Too Many Requests."})
    operation["parameters"] = [_parameter(parameter) for parameter in operation.pop("parameters", [])]
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"]):
        replayed = {"$ref": "#/components/headers/Idempotent-Replayed"}
        responses.setdefault("200", {}).setdefault("headers", {})["Idempotent-Replayed"] = replayed
    if any(parameter["name"] == IF_NONE_MATCH for parameter in operation["parameters"]):
        tag = {"$ref": "#/components/headers/ETag"}
        responses["200"].setdefault("headers", {})["ETag"] = tag
        responses["304"] = {"description": "The client has this answer already.", "headers": {"ETag": tag}}
    if not operation["parameters"]:
        del operation["parameters"]
    for status, response in responses.items():
        _finish_response(status, response, schemas)
    operation["responses"] = dict(sorted(responses.items()))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe an optional body by its object alone. ``required`` tells already that the body may be absent."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    return choices[0] if len(choices) == 1 else schema


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """Describe a parameter. Only a required one has an example, because a page fills in every example it finds."""
    name, required = parameter["name"], parameter.get("required", False)
    schema = tidy(parameter["schema"])
    if isinstance(schema.get("type"), list):
        schema["type"] = schema["type"][0]
    given = schema.pop("description", None)
    schema.pop("examples", None)
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **options[0]}
    elif options:
        schema["anyOf"] = options
    if schema.get("default") is False:
        del schema["default"]
    known, example = fixed_parts.PARAMETERS.get(name, (None, None))
    described = {"name": name, "in": parameter["in"], "schema": schema}
    described["description"] = parameter.get("description") or given or known
    if {"type": "string", "format": "date"} in schema.get("anyOf", ()):
        described["description"] += " A date is its midnight in UTC."
    if required:
        described |= {"required": True} if example is None else {"required": True, "example": example}
    return described


def _add(responses: dict[str, Any], refusal: type[errors.WalletError]) -> None:
    described = problems.describe(refusal)
    present = responses.setdefault(str(refusal.status), described)
    present["content"][problems.MEDIA_TYPE]["examples"] |= described["content"][problems.MEDIA_TYPE]["examples"]


def _finish_response(status: str, response: dict[str, Any], schemas: dict[str, Any]) -> None:
    headers = response.setdefault("headers", {})
    headers["X-Request-Id"] = {"$ref": "#/components/headers/X-Request-Id"}
    if status == "201":
        headers["Location"] = {"$ref": "#/components/headers/Location"}
    if status in {"429", "503"}:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    content = response.setdefault("content", {})
    if status in OF_GATEWAY:
        _add_gateway(status, content)
    for media in content.values():
        if "example" not in media and "examples" not in media:
            _give_example(media["schema"], schemas)
    if not content:
        del response["content"]


def _give_example(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give the schema of a body an example, unless it has one. Every answer with this schema then has the example.

    A list needs no example of its own, because its items have one.
    """
    described = schemas[schema["$ref"].rpartition("/")[2]]
    lists = [inner["items"] for inner in described["properties"].values() if inner.get("type") == "array"]
    if set(described["properties"]) <= {"items", "next_cursor", "cancelled"}:
        _give_example(lists[0], schemas)
    elif "examples" not in described:
        described["examples"] = [sample(schema, schemas)]


def _add_gateway(status: str, content: dict[str, Any]) -> None:
    """Describe both shapes of a refusal by one schema, because some clients read only the first schema of a status."""
    either = {"$ref": "#/components/schemas/Refusal"}
    if problems.MEDIA_TYPE in content:
        content[problems.MEDIA_TYPE]["schema"] = either
    content["application/json"] = {"schema": either, "example": {"message": OF_GATEWAY[status]}}
