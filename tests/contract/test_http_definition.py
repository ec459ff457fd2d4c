"""The OpenAPI document that a deployment gives to API Gateway."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from openapi_spec_validator import OpenAPIV30SpecValidator

from scripts.http_definition import with_definition
from tests.support.stack import routes, template, transform, transformed

COMPLETED = {"parameters", "responses"}
"""What the built template adds to an operation."""


@cache
def body() -> dict[str, Any]:
    """Return the document of the built template after the transform."""
    return body_of(transform(with_definition(template()), {}))


def body_of(resources: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(resources["Api"]["Properties"]["Body"]))
    return found


def problems(document: dict[str, Any]) -> list[str]:
    """Return where the document is invalid. Title and description are functions of CloudFormation."""
    plain = document | {"info": {"title": "a stack", "version": "1.0"}}
    return ["/".join(map(str, error.absolute_path)) for error in OpenAPIV30SpecValidator(plain).iter_errors()]


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    paths = document["paths"].items()
    return {f"{method.upper()} {path}": found for path, item in paths for method, found in item.items()}


def test_import_finds_only_the_form_that_aws_documents() -> None:
    # API Gateway's own examples of a JWT authorizer have the type oauth2 without flows, and so has the transform.
    assert problems(body()) == ["components/securitySchemes/Jwt"]


def test_completed_document_has_the_same_routes_integrations_and_authorizers() -> None:
    transform_alone = body_of(transformed())
    ours, plain = operations(body()), operations(transform_alone)
    assert set(ours) == {key for _, key, _ in routes()} == set(plain)
    for key, operation in plain.items():
        for name in operation.keys() - COMPLETED:
            assert ours[key][name] == operation[name], f"{key} {name}"
    assert body() | {"paths": {}} == transform_alone | {"paths": {}}


def test_warnings_of_the_import_stop_no_deployment() -> None:
    assert "FailOnWarnings" not in json.dumps(template())
