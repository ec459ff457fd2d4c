"""Keyset pages: a cursor holds the sort values of the last row seen, so pages neither skip nor repeat."""

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
    """How many rows, and after which one: ``cursor`` holds its sort values, ``None`` asks for the first page."""

    limit: int = DEFAULT_LIMIT
    cursor: list[str] | None = None


class PageView(BaseModel, Generic[Item]):
    """One page; ``next_cursor`` is null on the last."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(values: Sequence[str]) -> str:
    """Write the sort values of a row as an opaque cursor."""
    text = json.dumps(list(values), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int | None = None) -> list[str]:
    """Read a cursor of ours.

    Raises:
        ValidationError: it is not one, or does not hold ``length`` values.

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
    """Refuse a cursor; raise it also when a decoded value makes no sense."""
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
    """Return the time and the id that a cursor holds; raises ValidationError when it holds anything else."""
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
    """Return the whole numbers a cursor holds; raises ValidationError when it holds anything else."""
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
    """Return the page that holds ``items``; the next one begins after ``next_cursor``, ``None`` on the last page."""
    return PageView(items=list(items), next_cursor=encode_cursor(next_cursor) if next_cursor is not None else None)
