"""The attributes of a user wallet that every change of its lifecycle sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

Changes = Mapping[str, object]


def touched(now: datetime) -> Changes:
    """Return the attributes that every change sets: the time of the change."""
    return {"updated_at": now}
