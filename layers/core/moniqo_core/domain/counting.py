"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Write a number with what it counts: ``1 order``, ``2 orders``; ``things`` where an s is not enough."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"
