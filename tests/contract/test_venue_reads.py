"""Reading, through the real CCXT, what an account did at its venue without this service, at every fake venue."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.orders.order import OrderStatus, OrderType
from tests.conftest import Run
from tests.faults import test_venue_faults as faults
from tests.faults.test_venue_faults import VenueHarness, at_venues
from tests.support.venues.exchange import Order, Ticket
from tests.support.venues.rules import venues_where

D = Decimal
harness = faults.harness


def place(
    harness: VenueHarness,
    name: str,
    side: str,
    kind: str,
    amount: str,
    price: Decimal | None = None,
    stop: Decimal | None = None,
) -> Order:
    """Place an order at the venue itself."""
    ticket = Ticket(name, harness.symbol, side, kind, D(amount), price=price, stop=stop)
    return harness.fake.exchange.place(harness.account, ticket)


@pytest.fixture
def bought(harness: VenueHarness) -> Order:
    return place(harness, "bought", "buy", "market", "0.02")


def test_filled_order_is_read_with_its_fee(harness: VenueHarness, bought: Order, run: Run) -> None:
    found = run(harness.wallet.get_order_status(bought.id, harness.symbol))
    assert (found.order_id, found.symbol, found.order_type) == (bought.id, harness.symbol, OrderType.MARKET)
    assert (found.status, found.amount, found.filled_amount) == (OrderStatus.FILLED, D("0.02"), D("0.02"))
    assert (found.filled_quote, found.fee) == (bought.quote, sum(fill.fee for fill in bought.fills))
    assert found.fee_currency == bought.fills[0].fee_asset
    (ended,) = run(harness.wallet.get_order_history(harness.symbol))
    assert ended == found


def test_holding_is_a_position_with_the_cost_of_its_fills(harness: VenueHarness, bought: Order, run: Run) -> None:
    base = harness.symbol.partition("/")[0]
    held = harness.account.free[base]
    (position,) = run(harness.wallet.get_positions())
    assert (position.symbol, position.amount) == (harness.symbol, held)
    assert position.average_cost is not None
    assert abs(position.average_cost * held - bought.quote) < D("0.0001")
    fills = run(harness.wallet.get_fills(harness.symbol))
    assert [(fill.order_id, fill.amount, fill.quote, fill.fee) for fill in fills] == [
        (bought.id, fill.amount, fill.quote, fill.fee) for fill in bought.fills
    ]


def test_open_orders_of_each_type_are_read(harness: VenueHarness, bought: Order, run: Run) -> None:
    limit = place(harness, "limit", "buy", "limit", "0.01", price=D(40000))
    stop = place(harness, "stop", "sell", "stop_limit", "0.01", stop=D(45000), price=D(44000))
    found = {order.order_id: order for order in run(harness.wallet.get_open_orders())}
    assert {key: (order.order_type, order.price, order.status) for key, order in found.items()} == {
        limit.id: (OrderType.LIMIT, D(40000), OrderStatus.OPEN),
        stop.id: (OrderType.STOP_LIMIT, D(44000), OrderStatus.OPEN),
    }
    for balance in run(harness.wallet.get_balance()):
        assert balance.free == harness.account.free[balance.asset]
        assert balance.locked == harness.account.locked[balance.asset] > 0


def test_every_open_order_is_listed(harness: VenueHarness, run: Run) -> None:
    placed = {place(harness, str(number), "buy", "limit", "0.001", price=D(40000)).id for number in range(120)}
    assert {order.order_id for order in run(harness.wallet.get_open_orders())} == placed


at_read_only_venues = at_venues(venues_where(lambda venue: not venue.order_types))


@pytest.fixture
def only_read(harness: VenueHarness) -> Iterator[VenueHarness]:
    """A venue that offers no orders."""
    yield harness
    assert not harness.fake.calls("", "POST")


@at_read_only_venues
def test_order_is_refused_where_wallets_only_read(only_read: VenueHarness, run: Run) -> None:
    order = only_read.order()
    with pytest.raises(InvalidOrderError, match="Its wallets only read the account"):
        run(only_read.wallet.place_order(order.symbol, order.side, order.type, order.amount))


@at_read_only_venues
def test_order_is_not_cancelled_where_wallets_only_read(only_read: VenueHarness, run: Run) -> None:
    resting = place(only_read, "limit", "buy", "limit", "0.01", price=D(40000))
    with pytest.raises(InvalidOrderError, match="Its wallets only read the account"):
        run(only_read.wallet.cancel_order(resting.id, only_read.symbol))
    assert resting.status == "open"
