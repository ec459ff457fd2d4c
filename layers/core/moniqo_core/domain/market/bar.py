"""How a market traded during a span of time, counted in its own steps."""

from __future__ import annotations

from typing import NamedTuple


class Bar(NamedTuple):
    """First, highest, lowest and last price in ticks, and the lots traded."""

    opened: int
    high: int
    low: int
    closed: int
    lots: int
