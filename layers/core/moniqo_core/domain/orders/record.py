"""An order with its fills, as it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moniqo_core.domain.orders.order import Fill, Order


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order with all its fills, oldest first; ``replayed`` when it was placed by an earlier request.

    ``evaluated_until`` is how far the path of its symbol was walked for it; None where nobody asked.
    """

    order: Order
    fills: tuple[Fill, ...]
    replayed: bool = False
    evaluated_until: datetime | None = None
