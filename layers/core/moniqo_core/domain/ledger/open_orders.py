"""Open orders by id, oldest first, without a copy of the whole mapping for each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from moniqo_core.domain.orders.order import Order

_MANY: Final = 50


class OpenOrders(Mapping[str, Order]):
    """The orders of ``base``, overlaid with those in ``changed``. None marks an order that ended."""

    __slots__ = ("_base", "_changed")

    def __init__(self, base: Mapping[str, Order], changed: Mapping[str, Order | None]) -> None:
        """Overlay ``base`` with ``changed``."""
        self._base = base
        self._changed = changed

    def __getitem__(self, order_id: str) -> Order:
        order = self._changed[order_id] if order_id in self._changed else self._base[order_id]
        if order is None:
            raise KeyError(order_id)
        return order

    def __contains__(self, order_id: object) -> bool:
        if order_id in self._changed:
            return self._changed[order_id] is not None  # type: ignore[index]
        return order_id in self._base

    def __iter__(self) -> Iterator[str]:
        for order_id in self._base:
            if self._changed.get(order_id, self) is not None:
                yield order_id
        for order_id, order in self._changed.items():
            if order is not None and order_id not in self._base:
                yield order_id

    def __len__(self) -> int:
        news = sum(1 for order_id, order in self._changed.items() if order is not None and order_id not in self._base)
        ended = sum(1 for order_id, order in self._changed.items() if order is None and order_id in self._base)
        return len(self._base) + news - ended

    def through(self, changed: Mapping[str, Order | None]) -> Mapping[str, Order]:
        """Return the orders with further changes.

        Many changes are merged into a plain dictionary, which is then cheaper to read.
        """
        merged = OpenOrders(self._base, {**self._changed, **changed})
        return dict(merged) if len(merged._changed) > _MANY else merged


def with_changes(before: Mapping[str, Order], changed: Mapping[str, Order]) -> Mapping[str, Order]:
    """Return the open orders after ``changed``, some of which may have ended."""
    news = {
        order_id: order if order.is_open else None
        for order_id, order in changed.items()
        if order.is_open or order_id in before
    }
    if not news:
        return before
    return before.through(news) if isinstance(before, OpenOrders) else OpenOrders(before, news)
