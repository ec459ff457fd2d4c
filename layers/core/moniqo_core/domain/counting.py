"""Counts in words."""

from __future__ import annotations


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return a number with its noun: ``1 order``, ``2 orders``.

    ``things`` is the plural where adding an s is not enough.
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"
