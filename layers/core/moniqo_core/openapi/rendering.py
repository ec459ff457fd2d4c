"""The document as JSON text."""

from __future__ import annotations

import json
from typing import Any, Final

DEPTH: Final = 3
"""Objects down to this depth have a line for each member: an operation, a schema, a response."""


def render(document: dict[str, Any]) -> str:
    """Return the document as JSON text. The same routes always give the same text."""
    return f"{_text(document, 0)}\n"


def _text(value: Any, depth: int) -> str:
    if depth == DEPTH or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    lines = [f"{json.dumps(name, ensure_ascii=False)}:{_text(member, depth + 1)}" for name, member in value.items()]
    return "{\n" + ",\n".join(lines) + "\n}"
