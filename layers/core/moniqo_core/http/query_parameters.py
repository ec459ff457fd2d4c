"""Strict query strings: a name that a route does not know, a repeated name, or a name without a value is refused.

FastAPI ignores unknown names and takes the last of repeated ones, so a misspelt filter would widen a command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query

from moniqo_core.domain.nearest_name import nearest_name
from moniqo_core.http.invalid_fields import MAX_LISTED, InvalidField, refusal, unknown_name

ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("after", "offset", "page", "skip", "start_after"), "cursor"),
    **dict.fromkeys(("count", "page_size", "per_page", "size"), "limit"),
    **dict.fromkeys(("begin", "since", "start"), "from"),
    **dict.fromkeys(("end", "until"), "to"),
    **dict.fromkeys(("instrument", "market", "pair", "ticker"), "symbol"),
}
"""Names that other services use for our parameters, and that are spelt too differently to be recognised."""


def query_names(dependant: Dependant) -> tuple[str, ...]:
    """Return the names of the query parameters of a route, sorted."""
    fields = get_flat_params(dependant)
    return tuple(sorted(field.alias for field in fields if isinstance(field.field_info, Query)))


def read_query(query: bytes, known: Sequence[str], route: str) -> dict[str, str]:
    """Return the parameters in a query string.

    Args:
        query: The query string as it was sent.
        known: The names of the route's parameters.
        route: Method and path of the route, for the hint.

    Raises:
        ValidationError: a name is unknown, is repeated or has no value.

    """
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    times = Counter(name for name, _ in sent)
    empty = {name for name, value in sent if not value.strip()}
    invalid = [name for name in times if name not in known or times[name] > 1 or name in empty]
    if invalid:
        listed = [_described(name, known, times[name]) for name in invalid[:MAX_LISTED]]
        raise refusal(listed, len(invalid), f"{route} takes {parameters(known)}.")
    return dict(sent)


def parameters(known: Sequence[str]) -> str:
    """Name the query parameters of a route in a sentence."""
    return f"the query parameters {', '.join(known)}" if known else "no query parameters"


def _described(name: str, known: Sequence[str], times: int) -> InvalidField:
    if name not in known:
        return _unknown(name, known)
    if times > 1:
        return _fault(name, f"This parameter is given {times} times. Give it once.", "parameter_repeated")
    return _fault(name, "This parameter has no value. Leave it out, or give it a value.", "parameter_empty")


def _unknown(name: str, known: Sequence[str]) -> InvalidField:
    meant = ELSEWHERE.get(name.lower())
    nearest = meant if meant in known else nearest_name(name, known)
    may_repeat, message = unknown_name(name, nearest, "parameter")
    return _fault(name if may_repeat else "query", message, "parameter_unknown")


def _fault(field: str, message: str, code: str) -> InvalidField:
    return {"field": field, "message": message, "code": code}
