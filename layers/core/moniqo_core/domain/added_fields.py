"""Fields that a release added to a dataclass whose values are stored or hashed.

Documents and hashes of an older release lack the field. Where the field is absent, it is read as its default. A field
that has its default is neither stored nor hashed. So documents and hashes of older releases stay as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MARK: Final = "added"

ADDED: Final[Mapping[str, bool]] = MappingProxyType({_MARK: True})
"""The ``metadata`` of a field that a release added. Its default is what earlier releases did."""


def given_fields(value: DataclassInstance) -> dict[str, object]:
    """Return the fields of a dataclass instance by name, without added fields that have their default."""
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    for name, default in _added_defaults(value.__class__):
        if found[name] == default:
            del found[name]
    return found


@lru_cache(maxsize=32)
def _added_defaults(kind: type[DataclassInstance]) -> tuple[tuple[str, object], ...]:
    return tuple((item.name, item.default) for item in fields(kind) if _MARK in item.metadata)
