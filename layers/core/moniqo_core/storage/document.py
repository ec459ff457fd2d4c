"""What every module of the storage shares: the type of a document, and how an amount stands in one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.money import plain

Document = dict[str, Any]
"""A document as MongoDB holds it: amounts as plain strings, times as dates."""

Database = AsyncDatabase[Document]


def optional_text(amount: Decimal | None) -> str | None:
    """Write an amount that may be missing."""
    return None if amount is None else plain(amount)


def optional_decimal(text: str | None) -> Decimal | None:
    """Read what :func:`optional_text` wrote."""
    return None if text is None else Decimal(text)
