"""Views of domain objects: made directly, they are the same as validated ones."""

from __future__ import annotations

from typing import Any

from moniqo_core.http.schemas.common import View


class Inner(View):
    """A part."""

    name: str


class Outer(View):
    """A view with a default and a part."""

    number: int = 0
    parts: list[Inner]


def dumps(view: View) -> list[Any]:
    options: list[dict[str, Any]] = [{}, {"exclude_unset": True}, {"exclude_defaults": True}]
    return [view.model_dump(**each) for each in options] + [view.model_dump_json(**each) for each in options]


def test_made_view_equals_a_validated_one() -> None:
    made = Outer.made(number=0, parts=[Inner.made(name="x")])
    validated = Outer.model_validate({"number": 0, "parts": [{"name": "x"}]})
    assert made.model_fields_set == validated.model_fields_set == {"number", "parts"}
    assert dumps(made) == dumps(validated)
