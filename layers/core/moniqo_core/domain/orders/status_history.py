"""The history of an order: the statuses that it entered, and the changes that left its status as it was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

Mark = TypeVar("Mark", bound=StrEnum)

MAX_STATUS_HISTORY: Final = 20
"""The entries that a history keeps at most: the first one and the newest ones."""


class OrderChange(StrEnum):
    """A change of an order that leaves its status."""

    REPLACED = "replaced"


def extended_history(
    history: tuple[tuple[Mark, datetime], ...], mark: Mark, at: datetime
) -> tuple[tuple[Mark, datetime], ...]:
    """Return a history with one more entry. A long history keeps its first and its latest entries."""
    longer = (*history, (mark, at))
    return longer if len(longer) <= MAX_STATUS_HISTORY else (longer[0], *longer[1 - MAX_STATUS_HISTORY :])


def was_replaced(history: Iterable[tuple[StrEnum, datetime]]) -> bool:
    """Tell whether an order with this history was ever replaced."""
    return any(mark is OrderChange.REPLACED for mark, _ in history)
