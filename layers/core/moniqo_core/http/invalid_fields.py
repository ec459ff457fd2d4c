"""Invalid fields of a request, as the ``errors`` of a problem document. Values that a user sent are not repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from moniqo_core import observability
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import ValidationError
from moniqo_core.domain.nearest_name import nearest_name
from moniqo_core.domain.safe_names import is_safe_to_repeat

MAX_LISTED: Final = 20
MAX_FIELD_LENGTH: Final = 100
MAX_MESSAGE_LENGTH: Final = 300

InvalidField = dict[str, str]


def invalid_request(error: RequestValidationError, body: type[BaseModel] | None) -> ValidationError:
    """Return the refusal of a request that FastAPI could not read. ``body`` is the model of the route's body.

    It raises nothing, because a request that is refused must not fail instead.
    """
    try:
        found = error.errors()
        return refusal([_described(item, body) for item in found[:MAX_LISTED]], len(found))
    except Exception as failure:  # noqa: BLE001 - whatever it is, the request is invalid
        observability.error("invalid fields could not be described", failure)
        return ValidationError(
            "The request has an invalid field.",
            errors=[{"field": "body", "message": "The request cannot be read.", "code": "invalid"}],
            hint="Compare the request with the document at /api/openapi.json.",
        )


def refusal(listed: Sequence[InvalidField], count: int, hint: str | None = None) -> ValidationError:
    """Return the refusal of a request with ``count`` invalid fields, of which it lists up to ``MAX_LISTED``."""
    detail = f"The request has {counted(count, 'invalid field')}."
    if count > MAX_LISTED:
        detail = f"{detail} The first {MAX_LISTED} are listed."
    return ValidationError(detail, errors=list(listed), error_count=count, hint=hint)


def unknown_name(asked: str, nearest: str | None, kind: str) -> tuple[bool, str]:
    """Return whether an unknown name may be repeated, and a message that suggests the nearest known one.

    ``kind`` is what has the name: a field or a parameter.
    """
    may_repeat = is_safe_to_repeat(asked) or (nearest is not None and asked.lower() == nearest)
    message = f"This {kind} is unknown." if may_repeat else f"It has an unknown {kind}, whose name is not repeated."
    return may_repeat, message if nearest is None else f"{message} The nearest known {kind} is {nearest}."


def _described(item: Any, body: type[BaseModel] | None) -> InvalidField:
    """Return one of pydantic's findings as ``{field, message, code}``."""
    place, *steps = item["loc"]
    code = str(item["type"])
    message = f"{str(item['msg'])[:MAX_MESSAGE_LENGTH]}."
    if code == "extra_forbidden":
        *steps, asked = steps
        may_repeat, message = unknown_name(asked, nearest_name(asked, _fields_at(body, steps)), "field")
        steps += [asked] if may_repeat else []
        names = [str(step) for step in steps]
    else:
        names = list(_repeatable(steps, is_ours=place != "body"))
        if (place, code) == ("query", "missing"):
            message = "This query parameter is required."
    return {"field": ".".join(names)[:MAX_FIELD_LENGTH] or str(place), "message": message, "code": code}


def _repeatable(steps: Sequence[object], *, is_ours: bool) -> Iterator[str]:
    """Yield the steps to a value, up to the first that a user may have made up."""
    for step in steps:
        if not (is_ours or isinstance(step, int) or is_safe_to_repeat(str(step))):
            return
        yield str(step)


def _fields_at(body: type[BaseModel] | None, steps: Sequence[object]) -> Iterator[str]:
    """Yield the names of the fields that the object at ``steps`` in a body may have."""
    models = [] if body is None else [body]
    for step in steps:
        if isinstance(step, str):
            fields = [model.model_fields[step] for model in models if step in model.model_fields]
            models = [model for field in fields for model in _models_in(field.annotation)]
    for model in models:
        yield from model.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of a type such as ``tuple[Part, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
