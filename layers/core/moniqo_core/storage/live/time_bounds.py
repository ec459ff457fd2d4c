"""Conditions on the time of a stored order or fill, for pages that begin where the page before ended.

A page has what remains of the moment of its cursor, and then what is older. These are two queries, and each of them is
one range of an index. One query with both conditions would not be.
"""

from __future__ import annotations

from datetime import datetime

from moniqo_core.storage.document import Document


def time_bounds(since: datetime | None, until: datetime | None) -> Document:
    """Return the condition on a time to be from ``since`` (inclusive) to ``until`` (exclusive)."""
    return {name: bound for name, bound in {"$gte": since, "$lt": until}.items() if bound is not None}


def before(bounds: Document, moment: datetime) -> Document:
    """Return the condition on a time within ``bounds`` to be before ``moment`` as well."""
    return {**bounds, "$lt": min(moment, bounds.get("$lt", moment))}


def admits(bounds: Document, moment: datetime) -> bool:
    """Tell whether a moment is within ``bounds``."""
    return ("$gte" not in bounds or moment >= bounds["$gte"]) and ("$lt" not in bounds or moment < bounds["$lt"])
