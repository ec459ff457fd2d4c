"""What is asked for when orders and fills are listed, of paper and of live wallets alike. Both come newest first."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class OrderQuery(NamedTuple):
    """A page of orders after a position; ``only_open`` of None asks for open and closed ones."""

    limit: int
    only_open: bool | None = None
    symbol: str | None = None
    after: tuple[int, int] | None = None


class FillQuery(NamedTuple):
    """A page of fills after a position, from ``since`` (inclusive) to ``until`` (exclusive)."""

    limit: int
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[int, int] | None = None
