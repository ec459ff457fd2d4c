"""Invalid fields of a request, as the ``errors`` of a problem document. Values that a user sent are not repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

_ANY: Final = "Input should have the form that the page /api/docs shows for this field"
_SENTENCES: Final[Mapping[str, str]] = {
    r"^[\x21-\x7e]{1,64}$": "Input should be 1 to 64 visible ASCII characters without blanks, for example my-order-1",
    r"^[^\s@]{1,128}@[^\s@]{1,126}$": "Input should be an e-mail address, for example trader@example.com",
    r"^#[0-9A-Fa-f]{6}$": "Input should be a colour as # and six hexadecimal digits, for example #2F80ED",
    r"^[A-Z0-9.\-]{1,20}/[A-Z0-9]{1,10}$": "Input should be a symbol in capital letters, for example BTC/USDT",
    r"^[A-Z0-9.]{1,20}/[A-Z0-9]{1,20}$": "Input should be a symbol in capital letters, for example BTC/USDT",
    r"^(https://[^\s/]+\S*|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?/?)$": "Input should be an address that begins"
    " with https://",
    r"^https://[^\s/]+\S*$": "Input should be an address that begins with https://",
    r"^wss://": "Input should be an address that begins with wss://",
    r"^[a-z][a-z0-9_]{0,63}$": "Input should begin with a small letter, followed by up to 63 small letters, digits and"
    " underscores, for example api_key",
    r"^[A-Z0-9]{2,10}$": "Input should be 2 to 10 capital letters and digits, for example USDT",
    r"^[a-z0-9_]{1,40}$": "Input should be 1 to 40 small letters, digits and underscores",
    r"^[a-z0-9-]+$": "Input should be small letters, digits and hyphens, for example demo-wallet-v1",
    r"^[a-z0-9-]{1,32}$": "Input should be 1 to 32 small letters, digits and hyphens",
}
"""What the patterns of fields ask for, in words. A pattern says nothing to most readers."""


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
    message = f"This {kind} is unknown." if may_repeat else f"There is an unknown {kind}. Its name is not repeated."
    return may_repeat, message if nearest is None else f"{message} The nearest known {kind} is {nearest}."


def _described(item: Any, body: type[BaseModel] | None) -> InvalidField:
    """Return one of pydantic's findings as ``{field, message, code}``."""
    place, *steps = item["loc"]
    code = str(item["type"])
    said = sentence_of(item["ctx"]["pattern"]) if code == "string_pattern_mismatch" else str(item["msg"])
    message = f"{said[:MAX_MESSAGE_LENGTH]}."
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


def sentence_of(pattern: str) -> str:
    """Return a sentence, without its full stop, that says what a pattern asks for."""
    return _SENTENCES.get(pattern, _ANY)
