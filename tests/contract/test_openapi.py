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
from moniqo_core.openapi.descriptions_by_field import OF_FIELDS
from moniqo_core.openapi.document import build, load_routers
from moniqo_core.openapi.fixed_parts import PARAMETERS, TAGS
from moniqo_core.openapi.rendering import render
from tests.support.lambdas import ROOT, Answer, call, http_event
from tests.support.openapi_parts import with_parts_in_place

pytestmark = pytest.mark.usefixtures("environment")

DOCUMENT = ROOT / "functions" / "get_docs" / "openapi.json"


LARGEST_PER_OPERATION = 4 * 1024
"""Bytes of the document for each operation. A page that shows the document loads it whole."""


@cache
def document() -> dict[str, Any]:
    return build(load_routers(ROOT / "functions"))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in with_parts_in_place(document())["paths"].items():
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
        if operation["security"]:
            assert "401" in statuses, path
        if "{" in path and operation["operationId"] != "get_definition":
            assert "404" in statuses, path
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"], path
            if int(status) >= 400 and status != "429":
                assert "application/problem+json" in response["content"], (path, status)


def test_exactly_the_expected_routes_are_public() -> None:
    public = {operation["operationId"] for _, _, operation in operations() if not operation["security"]}

    assert public == {"login", "refresh_token", "list_definitions", "get_definition", "get_health"}


def examples_beside(schema: dict[str, Any]) -> list[Any]:
    """The examples of a schema. An example of a list has one item."""
    schemas = document()["components"]["schemas"]
    described = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    for name, field in described.get("properties", {}).items():
        if "examples" not in described and name in {"items", "cancelled"}:
            return [{name: examples_beside(field["items"])[:1], "next_cursor": None}]
    return list(described.get("examples", ()))


def test_every_body_has_a_valid_example() -> None:
    schemas = {"components": {"schemas": document()["components"]["schemas"]}}
    shared = document()["components"]["examples"]
    for where, media_type, content in contents():
        examples = [content["example"]] if "example" in content else []
        examples += examples_beside(content["schema"])
        examples += [
            shared[example["$ref"].rpartition("/")[2]]["value"] for example in content.get("examples", {}).values()
        ]
        assert examples, (where, media_type)
        for example in examples:
            errors = list(Draft202012Validator(content["schema"] | schemas).iter_errors(example))
            assert not errors, (where, errors[0].message)


def test_every_property_is_described_in_a_sentence() -> None:
    schemas = document()["components"]["schemas"].items()
    told = {f"{name}.{field}": text for name, schema in schemas for field, text in _descriptions(schema)}

    assert len(told) > 450
    assert {field for field, text in told.items() if not text.endswith(".")} == set()


def _descriptions(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, described in schema.get("properties", {}).items():
        yield field, described.get("description", "")


def test_every_common_description_is_shown_somewhere() -> None:
    schemas = document()["components"]["schemas"].values()
    fields = {described for schema in schemas for described in _descriptions(schema)}
    parameters = {
        (parameter["name"], parameter["description"])
        for _, _, operation in operations()
        for parameter in operation.get("parameters", ())
    }

    assert OF_FIELDS.items() - fields == set()
    assert {(name, text) for name, (text, _) in PARAMETERS.items()} - parameters == set()


def test_amounts_are_decimal_strings() -> None:
    """A request may send an amount as a JSON number too. A number among the credentials is no amount."""
    schemas = document()["components"]["schemas"]
    with_numbers = {name for name, schema in schemas.items() if '"type": "number"' in json.dumps(schema)}

    assert with_numbers <= {"CreateWalletRequest", "NonNegativeDecimal", "PositiveDecimal", "ReplaceCredentialsRequest"}
    for name in ("PositiveDecimal", "NonNegativeDecimal"):
        assert schemas[name]["anyOf"][0].items() >= {"type": "string", "format": "decimal"}.items()
    for schema, field in (("OrderView", "amount"), ("BalanceView", "total_value_usd"), ("FillView", "fee")):
        assert schemas[schema]["properties"][field]["format"] == "decimal"


def test_document_says_where_the_service_is() -> None:
    assert [server["url"] for server in document()["servers"]] == ["/"]


def test_repeated_refusals_are_shared() -> None:
    seen: dict[str, str] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and "$ref" not in response:
                    key = f"{status} {json.dumps(response, sort_keys=True)}"
                    assert seen.setdefault(key, f"{method} {path}") == f"{method} {path}"
    assert {"401", "404", "503"} <= set(document()["components"]["responses"])


def test_document_is_small() -> None:
    size, count = len(DOCUMENT.read_bytes()), len(list(operations()))

    print(f"openapi.json has {size / 1024:.0f} KB for {count} operations")
    assert size < LARGEST_PER_OPERATION * count


def test_gateway_and_service_refuse_in_one_schema() -> None:
    """A generated client takes the first schema of a status, whoever answered."""
    either = document()["components"]["schemas"]["Refusal"]["anyOf"]
    assert [option["$ref"].rpartition("/")[2] for option in either] == ["Problem", "GatewayRefusal"]
    for _, path, operation in operations():
        for status in {"401", "413", "429", "500", "503"} & set(operation["responses"]):
            content = operation["responses"][status]["content"]
            assert {media["schema"]["$ref"].rpartition("/")[2] for media in content.values()} == {"Refusal"}, path
            assert "application/json" in content, path


def test_only_required_parameters_are_filled_in() -> None:
    for _, path, operation in operations():
        for parameter in operation.get("parameters", []):
            filled = {"example", "examples"} & set(parameter) or "examples" in json.dumps(parameter["schema"])
            assert bool(filled) == parameter.get("required", False), (path, parameter["name"])
            assert parameter["schema"].get("default") is not False, (path, parameter["name"])


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


def test_csv_is_described_by_its_columns() -> None:
    found = {operation["operationId"]: operation for _, _, operation in operations()}["get_ledger"]["responses"]["200"]
    content = found["content"]["text/csv"]
    header, row, *_ = content["example"].split("\r\n")

    assert "`csv`" in next(each["description"] for each in _parameters("get_ledger") if each["name"] == "format")
    assert len(header.split(",")) == len(row.split(","))
    for column in header.split(","):
        assert f"- `{column}`: " in content["schema"]["description"]
    assert {"Link", "Content-Disposition"} <= set(found["headers"])


def _parameters(operation_id: str) -> list[dict[str, Any]]:
    return next(each["parameters"] for _, _, each in operations() if each["operationId"] == operation_id)
