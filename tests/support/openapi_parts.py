"""The shared parts of the OpenAPI document put back where operations refer to them."""

from __future__ import annotations

import copy
from typing import Any


def with_parts_in_place(document: dict[str, Any]) -> dict[str, Any]:
    """Copy a document, and put the parameters and responses that its operations refer to into them."""
    copied = copy.deepcopy(document)
    for methods in copied["paths"].values():
        for operation in methods.values():
            if "parameters" in operation:
                operation["parameters"] = [_found(copied, part) for part in operation["parameters"]]
            operation["responses"] = {status: _found(copied, part) for status, part in operation["responses"].items()}
    return copied


def _found(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    assert isinstance(found, dict)
    return found
