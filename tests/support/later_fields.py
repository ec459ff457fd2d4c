"""Documents as a later release may store them: with fields that the present one does not know."""

from __future__ import annotations

from typing import Any, Final

import bson
from bson.codec_options import CodecOptions

from tests.support.recorded import Document, Documents

LATER: Final = "field_of_a_later_release"
_MAPS: Final = frozenset(
    {"balances", "positions", "orders", "interest", "taken", "evaluated_until", "marks", "shown", "settings", "minutes"}
)
"""Fields whose value is a map from symbols, assets or ids. Its names are data."""
_UTC_TIMES: Final = CodecOptions(dict, tz_aware=True)


def with_later_fields(documents: Documents) -> Documents:
    """Return documents by collection, with an unknown field in each and in every document inside it."""
    return {name: [_marked(document) for document in found] for name, found in documents.items()}


def _marked(document: Document) -> Document:
    marked = {name: _inside(name, value) for name, value in document.items()}
    if "changes" in marked:
        marked["changes"] = [*marked["changes"], [LATER, 1]]
    return {**marked, LATER: 1}


def _inside(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {each: _packed(item) for each, item in value.items()} if name in _MAPS else _marked(value)
    if isinstance(value, list):
        return [_inside(name, item) for item in value]
    return value


def _packed(value: Any) -> Any:
    """Return the value of a map. An open order in a snapshot is encoded as one value."""
    return bson.encode(_marked(unpacked(value))) if isinstance(value, bytes) else value


def unpacked(order: bytes) -> Document:
    """Return the document of an open order in a snapshot."""
    return bson.decode(order, _UTC_TIMES)
