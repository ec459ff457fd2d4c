"""Keyset pagination: a cursor holds the sort values of a page's last row, so pages neither skip nor repeat rows."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from moniqo_core.domain.errors import ValidationError

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
MAX_CURSOR_LENGTH: Final = 512

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The number of rows, and the sort values of the row before them. ``None`` requests the first page."""

    limit: int = DEFAULT_LIMIT
    cursor: list[str] | None = None


class PageView(BaseModel, Generic[Item]):
    """One page. ``next_cursor`` is null on the last page."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(values: Sequence[str]) -> str:
    """Return the sort values of a row as an opaque cursor."""
    text = json.dumps(list(values), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int | None = None) -> list[str]:
    """Return the sort values in a cursor.

    Raises:
        ValidationError: it was not issued by this service, or does not hold ``length`` values.

    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if (
        not isinstance(values, list)
        or not all(isinstance(value, str) and value.isprintable() for value in values)
        or (length is not None and len(values) != length)
    ):
        raise broken_cursor()
    return values


def broken_cursor() -> ValidationError:
    """Return the error for an invalid cursor. Raise it also if a decoded value makes no sense."""
    return ValidationError(
        "The cursor was not issued by this list.",
        errors=[{"field": "cursor", "message": "Use next_cursor of the previous page.", "code": "cursor_invalid"}],
    )


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows per page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the previous page.")
    ] = None,
) -> PageRequest:
    return PageRequest(limit, decode_cursor(cursor) if cursor is not None else None)


def moment_cursor(page: PageRequest) -> tuple[datetime, str] | None:
    """Return the time and the id in the page's cursor, or None for the first page.

    Raises:
        ValidationError: the cursor holds anything else.

    """
    if page.cursor is None:
        return None
    try:
        moment, last_id = page.cursor
        started_at = datetime.fromisoformat(moment)
        if started_at.tzinfo is None:
            raise broken_cursor()
        return started_at.astimezone(UTC), last_id
    except (ValueError, OverflowError):
        raise broken_cursor() from None


def numbers_cursor(page: PageRequest, length: int) -> tuple[int, ...] | None:
    """Return the ``length`` whole numbers in the page's cursor, each below 2**53, or None for the first page.

    Raises:
        ValidationError: the cursor holds anything else.

    """
    if page.cursor is None:
        return None
    if len(page.cursor) != length or not all(value.isascii() and value.isdigit() for value in page.cursor):
        raise broken_cursor()
    numbers = tuple(int(value) for value in page.cursor)
    if any(value >= 2**53 for value in numbers):
        raise broken_cursor()
    return numbers


PageQuery = Annotated[PageRequest, Depends(_page_request)]


def page_view(items: Sequence[Item], next_cursor: Sequence[str] | None) -> PageView[Item]:
    """Return the page of ``items``. The next page begins after ``next_cursor``, which is None on the last page."""
    return PageView(items=list(items), next_cursor=encode_cursor(next_cursor) if next_cursor is not None else None)
