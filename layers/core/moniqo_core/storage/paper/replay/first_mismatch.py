"""The first difference between two documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

ABSENT: Final = "(absent)"


class Mismatch(NamedTuple):
    """A place in a document, such as ``fills[0].levels[1]``, with its stored and its expected value."""

    field: str
    stored: object
    expected: object


def _nothing(_: str) -> bool:
    return False


def first_mismatch(
    stored: object, expected: object, field: str = "", is_ignored: Callable[[str], bool] = _nothing
) -> Mismatch | None:
    """Return the first place where ``stored`` differs from ``expected``, or None if they are equal.

    Stored fields that are not expected and whose names ``is_ignored`` are no difference.
    """
    if isinstance(stored, Mapping) and isinstance(expected, Mapping):
        for name in (*expected, *(name for name in stored if name not in expected and not is_ignored(name))):
            place = f"{field}.{name}" if field else str(name)
            found = first_mismatch(stored.get(name, ABSENT), expected.get(name, ABSENT), place, is_ignored)
            if found is not None:
                return found
        return None
    if isinstance(stored, list) and isinstance(expected, list):
        for index in range(max(len(stored), len(expected))):
            found = first_mismatch(_item(stored, index), _item(expected, index), f"{field}[{index}]", is_ignored)
            if found is not None:
                return found
        return None
    return None if stored == expected else Mismatch(field, stored, expected)


def _item(items: list[object], index: int) -> object:
    return items[index] if index < len(items) else ABSENT
