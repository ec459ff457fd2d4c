"""Times that requests give."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from moniqo_core.domain.clock import to_milliseconds

_LONGEST_MOMENT: Final = 40
_BOUND: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-2][0-9]:[0-5][0-9]))?"
)


def _read_moment(value: object) -> datetime:
    """Return the time of an RFC 3339 string with an offset. pydantic's own datetime would accept numbers too."""
    if not isinstance(value, str) or not value.isascii() or len(value) > _LONGEST_MOMENT or "T" not in value.upper():
        raise PydanticCustomError(
            "timestamp_format", "Input should be an RFC 3339 time, for example 2026-01-31T12:00:00Z"
        )
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return to_milliseconds(moment)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError(
        "timestamp_format", "Input should be a valid time with an offset, for example 2026-01-31T12:00:00Z"
    )


def _read_bound(value: object) -> datetime:
    """Return the time of an RFC 3339 string, or 00:00 UTC of a date."""
    found = _BOUND.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        try:
            moment = datetime.fromisoformat(found[0].upper())
        except ValueError:
            pass
        else:
            return _in_utc(moment if found["time"] else moment.replace(tzinfo=UTC))
    raise PydanticCustomError(
        "timestamp_format",
        "Input should be an RFC 3339 time or a date, for example 2026-01-31T12:00:00Z or 2026-01-31."
        " In a URL, write + as %2B",
    )


def _in_utc(moment: datetime) -> datetime:
    """Return the same time in UTC, in which everything is stored."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError(
            "timestamp_range", "Input should be a time between the years 1 and 9999 in UTC"
        ) from None


TimeBound = Annotated[
    datetime,
    PlainValidator(_read_bound),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "description": "RFC 3339 with an offset, or a date, which begins at 00:00 UTC.",
        }
    ),
]
"""A time that bounds a list. Requests may give it with any UTC offset, or as a date."""

TimestampIn = Annotated[
    datetime,
    PlainValidator(_read_moment),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "maxLength": _LONGEST_MOMENT,
        }
    ),
]
