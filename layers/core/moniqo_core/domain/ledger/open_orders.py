"""Open orders by id, oldest first, without a copy of the whole mapping for each change."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from moniqo_core.domain.orders.order import Order, OrderType

_MANY: Final = 50


class OrdersByType(Mapping[str, Order]):
    """Open orders that are found by type without examining each of them."""

    __slots__ = ()

    @abstractmethod
    def of_type(self, wanted: OrderType) -> Sequence[Order]:
        """Return the orders of a type, in no particular order."""


def of_type(orders: Mapping[str, Order], wanted: OrderType) -> Sequence[Order]:
    """Return the orders of a type, in no particular order."""
    if isinstance(orders, OrdersByType):
        return orders.of_type(wanted)
    return [order for order in orders.values() if order.type is wanted]


class OpenOrders(OrdersByType):
    """The orders of ``base``, overlaid with those in ``changed``. None marks an order that ended.

    ``known`` has the orders of each type that was asked for. Changes update it, so a type is searched for only once.
    """

    __slots__ = ("_base", "_changed", "_known")

    def __init__(
        self,
        base: Mapping[str, Order],
        changed: Mapping[str, Order | None],
        known: dict[OrderType, Sequence[Order]] | None = None,
    ) -> None:
        """Overlay ``base`` with ``changed``."""
        self._base = base
        self._changed = changed
        self._known = {} if known is None else known

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

    def of_type(self, wanted: OrderType) -> Sequence[Order]:
        """Return the orders of a type, in no particular order."""
        if wanted not in self._known:
            self._known[wanted] = _overlaid(of_type(self._base, wanted), self._changed, wanted)
        return self._known[wanted]

    def through(self, changed: Mapping[str, Order | None]) -> OpenOrders:
        """Return the orders with further changes.

        Many changes are merged into a plain dictionary, which is then cheaper to read.
        """
        known: dict[OrderType, Sequence[Order]]
        known = {kind: _overlaid(orders, changed, kind) for kind, orders in self._known.items()}
        merged = OpenOrders(self._base, {**self._changed, **changed}, known)
        return OpenOrders(dict(merged), {}, known) if len(merged._changed) > _MANY else merged


def _overlaid(orders: Sequence[Order], changed: Mapping[str, Order | None], wanted: OrderType) -> list[Order]:
    """Return the orders of a type after changes."""
    unchanged = [order for order in orders if order.order_id not in changed]
    return unchanged + [order for order in changed.values() if order is not None and order.type is wanted]


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
