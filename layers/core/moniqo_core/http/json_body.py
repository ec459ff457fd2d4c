"""Strict parsing of request bodies.

Python's parser accepts NaN, repeated keys and any depth, and this one accepts none of them. Numbers with a decimal
point become ``Decimal``, so no amount passes through a float.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Final

from starlette.types import Scope

from moniqo_core.domain.errors import MalformedRequestError

MAX_DEPTH: Final = 32
MAX_NUMBER_LENGTH: Final = 64
MAX_EXPONENT: Final = 64

_TOKENS: Final = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def parse(body: bytes) -> object:
    """Return the JSON document in a body.

    Raises:
        MalformedRequestError: the body is not UTF-8 or not JSON, or is nested deeper than ``MAX_DEPTH``. Or it
            contains a repeated key, NaN, Infinity, a number out of range or an unpaired surrogate.

    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequestError("The body is not UTF-8.") from None
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_depth(text)
    try:
        document = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedRequestError("The body contains an unpaired surrogate.") from None
    except json.JSONDecodeError as error:
        raise MalformedRequestError(
            f"The body is not valid JSON: {error.msg.lower()} at position {error.pos}."
        ) from None
    return document


def _refuse_depth(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        kind = token[0]
        if kind in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedRequestError(f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif kind in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedRequestError("An object in the body repeats a key.")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:
        raise MalformedRequestError(f"The body contains a number longer than {MAX_NUMBER_LENGTH} characters.")
    return int(text)


def _decimal(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= MAX_NUMBER_LENGTH else None
    if number is None or (number and abs(number.adjusted()) > MAX_EXPONENT):
        raise MalformedRequestError("The body contains a number that is out of range.")
    return number or Decimal(0)


def _constant(name: str) -> object:
    raise MalformedRequestError(f"The body contains {name}, which is not valid JSON.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)


def require_json(scope: Scope) -> None:
    """Check the media type of the body and drop its header, which FastAPI would parse again as an e-mail header.

    Raises:
        MalformedRequestError: the media type is not JSON.

    """
    headers = scope["headers"]
    for index, (name, value) in enumerate(headers):
        if name == b"content-type":
            media_type = value.partition(b";")[0].strip().lower()
            if media_type != b"application/json" and not media_type.endswith(b"+json"):
                raise MalformedRequestError(
                    "The Content-Type of the body is not JSON.",
                    hint="Send the header 'Content-Type: application/json'.",
                )
            scope["headers"] = headers[:index] + headers[index + 1 :]
            return
