"""Read the configuration that a script passes as a mapping. Errors name the entry that is missing or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

Entry = TypeVar("Entry")


def check_names(owner: str, entries: Mapping[str, object], known: frozenset[str], required: frozenset[str]) -> None:
    """Raise ValueError when the config of ``owner`` lacks a required entry or has an unknown one."""
    missing, unknown = sorted(required - entries.keys()), sorted(entries.keys() - known)
    if missing:
        raise ValueError(f"the config of {owner} lacks {', '.join(missing)}")
    if unknown:
        raise ValueError(
            f"the config of {owner} has no entry {', '.join(unknown)}: it takes {', '.join(sorted(known))}"
        )


def instance(owner: str, entries: Mapping[str, object], name: str, kind: type[Entry]) -> Entry | None:
    """Return an entry, or None if it is not given. Raise TypeError unless it is an instance of ``kind``."""
    found = entries.get(name)
    if found is None or isinstance(found, kind):
        return found
    raise TypeError(f"{name} in the config of {owner} must be {kind.__name__}, not {type(found).__name__}")


def function(owner: str, entries: Mapping[str, object], name: str) -> Callable[..., object] | None:
    """Return a callable entry, or None if it is not given. Raise TypeError when it is not callable."""
    found = entries.get(name)
    if found is None or callable(found):
        return found
    raise TypeError(f"{name} in the config of {owner} must be a function, not {type(found).__name__}")
