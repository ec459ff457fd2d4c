"""The OpenAPI document is complete, matches the code, and is shown without internet access."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate

from moniqo_core import error_reference, venue_error_reference
from moniqo_core.openapi.document import build, load_routers, render
from moniqo_core.openapi.fixed_parts import TAGS
from tests.support.lambdas import ROOT, Answer, call, http_event

pytestmark = pytest.mark.usefixtures("environment")

DOCUMENT = ROOT / "functions" / "get_docs" / "openapi.json"


@cache
def document() -> dict[str, Any]:
    return build(load_routers(ROOT / "functions"))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def contents() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body that is sent or answered: where it is, its media type, and its description."""
    for method, path, operation in operations():
        described = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, body in described.items():
            for media_type, content in body.get("content", {}).items():
                yield f"{method} {path} {name}", media_type, content


def test_committed_document_matches_the_code() -> None:
    assert DOCUMENT.read_text() == render(document()), (
        "run: python -m moniqo_core.openapi functions functions/get_docs/openapi.json"
    )


def test_errors_page_matches_the_code() -> None:
    assert (ROOT / "docs" / "reference" / "errors.md").read_text() == error_reference.render(), (
        "run: python -m moniqo_core.error_reference docs/reference/errors.md"
    )
    assert (ROOT / "docs" / "reference" / "venue-errors.md").read_text() == venue_error_reference.render(), (
        "run: python -m moniqo_core.venue_error_reference docs/reference/venue-errors.md"
    )


def test_document_is_valid_openapi() -> None:
    validate(document())


def test_every_operation_is_described() -> None:
    seen: set[str] = set()
    for _, path, operation in operations():
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        assert set(operation["tags"]) <= set(TAGS), path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["schema"].get("description"), (path, parameter["name"])


def test_every_route_documents_its_errors() -> None:
    for _, path, operation in operations():
        statuses = set(operation["responses"])
        assert {"429", "500", "503"} <= statuses, path
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= statuses, path
        if "security" in operation:
            assert "401" in statuses, path
        if "{" in path and operation["operationId"] != "get_definition":
            assert "404" in statuses, path
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"], path
            if int(status) >= 400 and status != "429":
                assert "application/problem+json" in response["content"], (path, status)


def test_exactly_the_expected_routes_are_public() -> None:
    public = {operation["operationId"] for _, _, operation in operations() if "security" not in operation}

    assert public == {"login", "refresh_token", "list_definitions", "get_definition", "get_health"}


def test_every_body_has_a_valid_example() -> None:
    schemas = {"components": {"schemas": document()["components"]["schemas"]}}
    shared = document()["components"]["examples"]
    for where, media_type, content in contents():
        examples = [content["example"]] if "example" in content else []
        examples += [
            shared[example["$ref"].rpartition("/")[2]]["value"] for example in content.get("examples", {}).values()
        ]
        assert examples, (where, media_type)
        for example in examples:
            errors = list(Draft202012Validator(content["schema"] | schemas).iter_errors(example))
            assert not errors, (where, errors[0].message)


def test_every_api_function_is_documented() -> None:
    served = {operation["operationId"] for _, _, operation in operations()}
    not_of_the_api = {"get_docs", "dispatch_sync", "sync_wallets", "dispatch_evaluation", "evaluate_orders"}
    not_of_the_api |= {"rotate_key", "reencrypt_credentials", "reconcile_orders"}

    assert {path.parent.name for path in (ROOT / "functions").glob("*/app.py")} - not_of_the_api == served


def get(path: str, **headers: str) -> Answer:
    return call("get_docs", http_event("GET", path, headers=headers))


@pytest.mark.parametrize(
    "path", ["/api/docs", "/api/openapi.json", "/api/docs/swagger-ui-bundle.js", "/api/docs/start.js"]
)
def test_documentation_is_served_plain_and_gzipped(path: str) -> None:
    plain = get(path)
    compressed = get(path, **{"accept-encoding": "gzip, br"})

    assert plain.status == compressed.status == 200
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.is_base64
    assert gzip.decompress(base64.b64decode(compressed.text)).decode() == plain.text
    assert len(compressed.text) < 2_000_000


@pytest.mark.parametrize("path", ["/", "/api/v1"])
def test_bare_address_leads_to_the_documentation(path: str) -> None:
    answer = get(path)

    assert (answer.status, answer.headers["location"]) == (307, "/api/docs")
    assert answer.text == "The documentation is at /api/docs.\n"
    assert get(answer.headers["location"]).status == 200


def test_documentation_page_loads_nothing_external() -> None:
    page = get("/api/docs")

    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.headers["content-type"].startswith("text/html")
    for url in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert get(url).status == 200, url
    assert json.loads(get("/api/openapi.json").text)["openapi"].startswith("3.1")


@pytest.mark.parametrize("file", ["app.py", "..%2Fapp.py", "README.md", "index.html", "swagger-ui.css.map"])
def test_no_other_file_is_served(file: str) -> None:
    assert get(f"/api/docs/{file}").status == 404
