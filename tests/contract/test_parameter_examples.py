"""Every value that a page fills in for a parameter is one that its route accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import LEAST_QUERY, OPERATIONS, World


def filled_in(parameter: dict[str, Any]) -> Iterator[Any]:
    """Yield what a page may fill in for a parameter."""
    schema = parameter["schema"]
    for place in (parameter, schema, *schema.get("anyOf", ())):
        yield from ([place["example"]] if "example" in place else [])
        yield from (
            place["examples"].values() if isinstance(place.get("examples"), dict) else place.get("examples", [])
        )
        yield from ([place["default"]] if "default" in place else [])


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_examples_of_query_parameters_are_accepted(world: World) -> None:
    tried = 0
    for operation in OPERATIONS:
        parameters = operation.parameters("query")
        required = {name: next(filled_in(each), "x") for name, each in parameters.items() if each.get("required")}
        required |= {name: world.ids[name] for name in required if name in world.ids}
        for name, parameter in parameters.items():
            for value in filled_in(parameter):
                query = {**LEAST_QUERY.get(operation.id, {}), name: as_text(value), **required}
                answer = world.call_as(operation, query=query)
                assert answer.status != 422, (operation.id, name, value, answer.text)
                tried += 1
    assert tried > 15


def test_examples_of_paths_and_headers_are_understood(world: World) -> None:
    """The ids of the examples exist nowhere. What is not found, or has the key of another request, was understood."""
    for operation in OPERATIONS:
        paths = {name: next(filled_in(each)) for name, each in operation.parameters("path").items()}
        # The key of an order is the id in its body: two different ones are refused.
        key = (operation.body or {}).get("client_order_id", "one")
        headers = [{name: next(filled_in(each), key)} for name, each in operation.parameters("header").items()]
        for sent in [{}, *headers]:
            answer = world.call_as(operation, ids=paths, headers=sent)
            understood = answer.status != 422 or answer.json["code"] == "IDEMPOTENCY_MISMATCH"
            assert understood or operation.id == "refresh_token", (operation.id, answer.text)


@pytest.mark.parametrize("name", ["status", "symbol", "from", "to", "cursor", "is_active", "market"])
def test_filters_are_not_filled_in(name: str) -> None:
    for operation in OPERATIONS:
        parameter = operation.parameters("query").get(name, {"required": True})
        if not parameter.get("required"):
            assert list(filled_in(parameter)) == [], operation.id
