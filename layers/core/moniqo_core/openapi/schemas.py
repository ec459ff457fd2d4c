"""The schemas of bodies: described, and without what pydantic repeats."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from moniqo_core.http.schemas.common import NonNegativeAmount, PositiveAmount
from moniqo_core.openapi.property_descriptions import description_of

_SHARED: Final = {
    name: TypeAdapter[Any](kind).json_schema()
    for name, kind in (("PositiveDecimal", PositiveAmount), ("NonNegativeDecimal", NonNegativeAmount))
}
"""Schemas of single values that many fields have."""
_MEANINGS: Final = {
    "PositiveDecimal": "A plain decimal above zero, as a string or a JSON number.",
    "NonNegativeDecimal": "A plain decimal of zero or more, as a string or a JSON number.",
}


def finish(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas with a description of every property, sorted by name."""
    finished = {name: tidy(schema) for name, schema in schemas.items()}
    for name, schema in finished.items():
        for field, described in schema.get("properties", {}).items():
            if text := described.get("description") or description_of(name, field):
                described["description"] = text
    finished |= {name: {**_SHARED[name], "description": text} for name, text in _MEANINGS.items()}
    return dict(sorted(finished.items()))


def drop_repeated_examples(schemas: dict[str, Any]) -> None:
    """Drop repeated examples: those of an answer's fields, and those of request bodies, which the operations show."""
    for name, schema in schemas.items():
        if name.endswith("View"):
            for field in schema.get("properties", {}).values():
                field.pop("examples", None)
        elif name.endswith(("Request", "Create", "Patch")) and len(schema.get("examples", ())) == 1:
            del schema["examples"]


def tidy(node: Any) -> Any:
    """Return a copy of a schema without generated titles, and with references to shared schemas."""
    if isinstance(node, list):
        return [tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = _nullable(_with_references(node))
    return {
        key: value if key in {"examples", "example", "default", "enum", "const"} else tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    """Write a single value that may be null as one schema with two types, not as two options."""
    options = [option for option in node.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1 or len(node["anyOf"]) != 2 or options[0].get("type") in {None, "array", "object"}:  # noqa: PLR2004
        return node
    [option] = options
    if "enum" in option or "const" in option:
        return node
    others = {key: value for key, value in node.items() if key != "anyOf"}
    return {**option, **others, "type": [option["type"], "null"]}


def _with_references(node: dict[str, Any]) -> dict[str, Any]:
    """Replace the options of a shared schema by a reference to it. Other options stay."""
    options = node.get("anyOf", ())
    for name, shared in _SHARED.items():
        parts = shared["anyOf"]
        if all(part in options for part in parts):
            rest = [option for option in options if option not in parts]
            reference = {"$ref": f"#/components/schemas/{name}"}
            others = {key: value for key, value in node.items() if key != "anyOf"}
            return {**others, "anyOf": [reference, *rest]} if rest else {**reference, **others}
    return node
