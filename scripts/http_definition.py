"""What the import of API Gateway looks for in an OpenAPI document, and the SAM transform leaves out."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any


def with_definition(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template with an OpenAPI document for its HTTP API.

    The transform adds integrations, authorizers and CORS to it, and keeps the types of parameters and the responses.
    """
    made = copy.deepcopy(dict(document))
    paths: dict[str, dict[str, Any]] = {}
    for method, path in _routes(document):
        operation: dict[str, Any] = {"responses": {"default": {"description": "The answer of the function"}}}
        names = re.findall(r"{(\w+)}", path)
        if names:
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
            ]
        paths.setdefault(path, {})[method.lower()] = operation
    information = {"title": {"Ref": "AWS::StackName"}, "version": "1.0"}
    made["Resources"]["Api"]["Properties"]["DefinitionBody"] = {
        "openapi": "3.0.1",
        "info": information,
        "paths": paths,
    }
    return made


def _routes(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in document["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                yield event["Properties"]["Method"], event["Properties"]["Path"]
