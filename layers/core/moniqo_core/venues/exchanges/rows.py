"""Reads lists of a venue row by row, so that an unreadable row does not lose the list."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

Row = TypeVar("Row")
Read = TypeVar("Read")

log: Final = logging.getLogger("moniqo")

MOST_NAMED: Final = 10
NAMED_EACH: Final = frozenset({"trades"})
"""Kinds of rows that are never read again, so that our log has the last trace of each."""
_NAMES_IN_A_LINE: Final = 100
_LONGEST_NAME: Final = 60
_LATEST: Final = 253_402_300_800_000
"""The end of the calendar, in milliseconds since 1970 UTC."""


def read_rows(
    venue: str, kind: str, rows: Iterable[Row], read: Callable[[Row], Read], name: Callable[[Row], object]
) -> list[Read]:
    """Return what ``read`` makes of every row that it can read. The others are left out and named in our log.

    Args:
        venue: The name of the venue.
        kind: The kind of rows, such as ``orders``.
        rows: The rows.
        read: Converts a row, or raises anything if it cannot.
        name: Returns the venue's id of a row.

    """
    found: list[Read] = []
    odd: list[str] = []
    for row in rows:
        try:
            found.append(read(row))
        except Exception as error:  # noqa: BLE001  a row may be odd in any way
            odd.append(f"{row_name(row, name)} ({type(error).__name__})")
    log_left_out(venue, kind, odd)
    return found


def log_left_out(venue: str, kind: str, rows: Sequence[str]) -> None:
    """Write to our log that rows of a venue were left out, if any were, with the names of :func:`row_name`.

    The line has the first names. For kinds in ``NAMED_EACH``, every name is written, in as many lines as that takes.
    """
    size = _NAMES_IN_A_LINE if kind in NAMED_EACH else len(rows) or 1
    most = size if kind in NAMED_EACH else MOST_NAMED
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        named = {"venue": venue, "rows": kind, "left_out": len(part), "named": part[:most]}
        log.warning("rows of a venue left out", extra={"fields": named})


def times_of(rows: Iterable[Row], read: Callable[[Row], int]) -> list[int]:
    """Return the times of rows in milliseconds since 1970 UTC, oldest first, also of rows that cannot be read.

    A row without a time is left out.

    Args:
        rows: The rows.
        read: Returns the time of a row, or raises anything if it has none.

    """
    found: list[int] = []
    for row in rows:
        with suppress(Exception):
            found.append(read(row))
    return sorted(at for at in found if 0 <= at < _LATEST)


def row_name(row: Row, name: Callable[[Row], object]) -> str:
    """Return the venue's id of a row in a form that is safe to log, or a question mark if the row has none."""
    try:
        given = str(name(row))
    except Exception:  # noqa: BLE001  the row may not even have an id
        return "?"
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in given[:_LONGEST_NAME])
