"""Parameters of lists of orders and fills, for paper and live wallets. Both lists are newest first."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class OrderQuery(NamedTuple):
    """A page of orders behind the cursor ``after``. ``only_open`` of None lists open and closed orders."""

    limit: int
    only_open: bool | None = None
    symbol: str | None = None
    after: tuple[int, int] | None = None


class FillQuery(NamedTuple):
    """A page of fills behind the cursor ``after``, from ``since`` (inclusive) to ``until`` (exclusive)."""

    limit: int
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[int, int] | None = None
