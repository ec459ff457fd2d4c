"""Reads lists of a venue row by row, so that an unreadable row does not lose the list."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

Row = TypeVar("Row")
Read = TypeVar("Read")

log: Final = logging.getLogger("moniqo")

MOST_NAMED: Final = 10
_LONGEST_NAME: Final = 60


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
    """Write to our log that rows of a venue were left out, with the first names of :func:`row_name`, if any were."""
    if rows:
        named = {"venue": venue, "rows": kind, "left_out": len(rows), "named": rows[:MOST_NAMED]}
        log.warning("rows of a venue left out", extra={"fields": named})


def row_name(row: Row, name: Callable[[Row], object]) -> str:
    """Return the venue's id of a row in a form that is safe to log, or a question mark if the row has none."""
    try:
        given = str(name(row))
    except Exception:  # noqa: BLE001  the row may not even have an id
        return "?"
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in given[:_LONGEST_NAME])
