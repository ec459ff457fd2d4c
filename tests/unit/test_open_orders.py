"""The mapping of open orders behaves like a dictionary, however many changes lie over it."""

from __future__ import annotations

from random import Random

import pytest

from moniqo_core.domain.ledger.open_orders import of_type, with_changes
from moniqo_core.domain.orders.order import Order, OrderStatus, OrderType
from tests.support.engine_harness import EngineHarness

TYPES = (OrderType.LIMIT, OrderType.STOP_LIMIT)


@pytest.fixture(scope="module")
def pattern() -> Order:
    return EngineHarness().place("buy", "limit", "0.01", price="40000")


def changed(pattern: Order, order_id: str, chance: Random) -> Order:
    order = pattern.copy()
    order.order_id = order_id
    order.type = chance.choice(TYPES)
    order.status = chance.choice((OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.CANCELLED))
    return order


@pytest.mark.parametrize("seed", range(20))
def test_changes_are_read_as_from_a_dictionary(pattern: Order, seed: int) -> None:
    chance = Random(seed)
    orders, expected = with_changes({}, {}), dict[str, Order]()
    ended = set[str]()
    for _ in range(30):
        names = {f"o-{chance.randrange(200)}-1": None for _ in range(chance.randrange(8))}
        # An order that ended never opens again.
        changes = {name: changed(pattern, name, chance) for name in names if name not in ended}
        ended |= {name for name, order in changes.items() if not order.is_open}
        orders = with_changes(orders, changes)
        expected = {name: order for name, order in {**expected, **changes}.items() if order.is_open}
        assert (dict(orders), list(orders), len(orders)) == (expected, list(expected), len(expected))
        for name in (f"o-{number}-1" for number in range(200)):
            assert (name in orders) is (name in expected)
            assert orders.get(name) is expected.get(name)
        for kind in TYPES:
            wanted = {order.order_id for order in expected.values() if order.type is kind}
            assert {order.order_id for order in of_type(orders, kind)} == wanted
