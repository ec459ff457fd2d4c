"""Parts of operations that occur more than once: they become components, and the operations refer to them."""

from __future__ import annotations

import json
from collections import Counter
from http import HTTPStatus
from typing import Any

from moniqo_core.http.problems import MEDIA_TYPE


def share(document: dict[str, Any]) -> None:
    """Move repeated error responses and parameters of a document into its components. Drop unused examples."""
    components = document["components"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    components["responses"] = _move_responses(operations)
    components["parameters"] = _move_parameters(operations)
    text = json.dumps([operations, components["responses"]])
    components["examples"] = {
        name: example for name, example in components["examples"].items() if f'/examples/{name}"' in text
    }


def _move_responses(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Replace repeated refusals. If a status has several, their names contain the codes that not all of them have."""
    every = [
        (status, operation["responses"])
        for operation in operations
        for status in operation["responses"]
        if int(status) >= HTTPStatus.BAD_REQUEST
    ]
    times = Counter(_key(responses[status]) for status, responses in every)
    kinds = {(status, _key(responses[status])) for status, responses in every}
    variants = Counter(status for status, key in kinds if times[key] > 1)
    usual: dict[str, set[str]] = {}
    for status, responses in every:
        usual[status] = usual.get(status, _codes(responses[status])) & _codes(responses[status])
    shared: dict[str, Any] = {}
    for status, responses in every:
        response = responses[status]
        if times[_key(response)] > 1:
            codes = _codes(response) - usual[status] if variants[status] > 1 else ()
            name = ".".join([status, *sorted(codes)])
            shared[name] = response
            responses[status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


def _move_parameters(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """Replace repeated parameters. If parameters of one name differ, only the most frequent form is replaced."""
    every = [parameter for operation in operations for parameter in operation.get("parameters", ())]
    shared: dict[str, Any] = {}
    for key, times in Counter(map(_key, every)).most_common():
        parameter = json.loads(key)
        if times > 1:
            shared.setdefault(parameter["name"], parameter)
    for operation in operations:
        for place, parameter in enumerate(operation.get("parameters", ())):
            if shared.get(parameter["name"]) == parameter:
                operation["parameters"][place] = {"$ref": f"#/components/parameters/{parameter['name']}"}
    return dict(sorted(shared.items()))


def _codes(response: dict[str, Any]) -> set[str]:
    return set(response["content"].get(MEDIA_TYPE, {}).get("examples", ()))


def _key(part: dict[str, Any]) -> str:
    return json.dumps(part, sort_keys=True)
