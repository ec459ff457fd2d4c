"""Spoils generated cases with names that no operation takes: query parameters, and fields of bodies.

The document describes such requests too, but Schemathesis hardly makes them. The service must refuse every one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from schemathesis import Case

from tests.support.api import Operation

SHARE: Final = 0.15
"""The share of cases that are spoilt."""
VOCABULARY: Final = ("body", "cookie", "ctx", "header", "input", "kwargs", "loc", "path", "query", "response", "self")
"""Words of the framework, which a request may use as names of fields."""
PARAMETERS: Final = ("page", "skip", "offset", "symbols", "order_by", "all_", "q", "")
OPEN: Final = frozenset({"credentials", "metadata", "rate_limits"})
"""Objects whose names the user chooses."""


def spoil(case: Case[Any], operation: Operation, chance: Random) -> str | None:
    """Spoil a share of the cases. Return what was done, None if the case stays as it is.

    An operation that takes nothing has a single case, which has to be successful.
    """
    takes_nothing = operation.body is None and "parameters" not in operation.described
    if takes_nothing or chance.random() >= SHARE:
        return None
    objects = list(_closed_objects(case.body)) if operation.body is not None else []
    if objects and chance.random() < 0.5:
        return _add_field(case, chance)
    known = sorted(operation.parameters("query"))
    if not known or chance.random() < 0.3:
        name = chance.choice(PARAMETERS)
        case.query[name] = "1"
        return f"unknown parameter {name!r}"
    name = chance.choice(known)
    value = case.query.pop(name, "1")
    if chance.random() < 0.5:
        case.query[name] = [value, value] if isinstance(value, str | int) else ["1", "1"]
        return f"repeated parameter {name!r}"
    case.query[chance.choice((name.upper(), name.capitalize()))] = value
    return f"wrong case of parameter {name!r}"


def _add_field(case: Case[Any], chance: Random) -> str:
    case.body = copy.deepcopy(case.body)
    name = chance.choice(VOCABULARY)
    chance.choice(list(_closed_objects(case.body)))[name] = chance.choice((1, "x", None, [], {name: 1}))
    return f"field {name!r}"


def _closed_objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a body whose names are fixed."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in OPEN:
                yield from _closed_objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _closed_objects(inner)
