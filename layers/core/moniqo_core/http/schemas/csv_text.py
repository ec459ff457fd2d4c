"""CSV files. Users open them with a spreadsheet program, which runs a cell that begins like a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

MAX_CSV_ROWS: Final = 5000
HEADERS: Final[dict[str, Any]] = {
    "Link": {"description": "CSV: the next part, with rel=next.", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "CSV: a file name.", "schema": {"type": "string"}},
}

_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Return a CSV file by RFC 4180: a header line with the names of the columns, and a line for each row."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(columns)
    lines.writerows(rows)
    return text.getvalue()


def inert(text: str) -> str:
    """Return a name for a cell, with an apostrophe before it if a spreadsheet program would run it as a formula."""
    return f"'{text}" if text.startswith(_BEGINS_FORMULA) else text
