"""Requests for one paper wallet at once: every answer is true, every commit replays, and nothing is sold twice.

The requests run as tasks of one process. In each round a seed chooses which of them begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.errors import (
    InsufficientBalanceError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderChangedError,
    OrderRejectedError,
    WalletError,
)
from moniqo_core.domain.ledger.invariants import account_violations
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.services.orders.closing_all import ClosedPositions
from moniqo_core.services.shared.read_unless_known import Versioned
from tests.conftest import Run
from tests.support.engine import Clock, Engine, clock, engine
from tests.support.lambdas import TRADER
from tests.support.wallets import aws

__all__ = ["Clock", "aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")

D = Decimal
BTC, ETH = "BTC/USDT", "ETH/USDT"
ROUNDS = 12
Outcome = Any


class Races:
    """One wallet, and requests that race for it."""

    def __init__(self, engine: Engine, run: Run, seed: int) -> None:
        self.engine = engine
        self.run = run
        self.chance = Random(seed)
        self.wallet = engine.create(credentials={"initial_balance_usd": "10000000"})

    def at_once(self, *requests: Callable[[], Coroutine[Any, Any, Outcome]]) -> list[Outcome]:
        """Begin all requests in an order that the seed chooses. Return their results or errors in the given order."""

        async def race() -> list[Outcome]:
            numbers = list(range(len(requests)))
            self.chance.shuffle(numbers)
            begun = {number: asyncio.ensure_future(requests[number]()) for number in numbers}
            return await asyncio.gather(*(begun[number] for number in range(len(requests))), return_exceptions=True)

        found = self.run(race())
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, WalletError):
                raise each
        return found

    def check(self) -> None:
        """Check that the account keeps its invariants, and that every entry is decided again as it is stored."""

        async def look() -> list[str]:
            return account_violations((await bootstrap.wallets().connect_demo(TRADER.id, self.wallet)).account)

        assert self.run(look()) == []
        self.engine.replay(self.wallet)

    def replace(self, order_id: str, **values: Decimal) -> Callable[[], Coroutine[Any, Any, OrderRecord]]:
        command = ReplaceOrder(order_id, **values)
        return lambda: bootstrap.orders().replace(TRADER.id, self.wallet, command)

    def place(self, **fields: Any) -> Callable[[], Coroutine[Any, Any, OrderRecord]]:
        given = {"symbol": BTC, "side": OrderSide.BUY, "type": OrderType.MARKET} | fields
        return lambda: bootstrap.orders().place(TRADER.id, self.wallet, OrderRequest(**given))

    def cancel(self, order_id: str) -> Callable[[], Coroutine[Any, Any, OrderRecord]]:
        return lambda: bootstrap.orders().cancel(TRADER.id, self.wallet, order_id)

    def close(self, **part: Any) -> Callable[[], Coroutine[Any, Any, OrderRecord]]:
        return lambda: bootstrap.orders().close_position(TRADER.id, self.wallet, ClosePosition(BTC, **part))

    def close_all(self, key: str | None) -> Callable[[], Coroutine[Any, Any, ClosedPositions]]:
        return lambda: bootstrap.orders().close_all(TRADER.id, self.wallet, key)

    def evaluate(self) -> Callable[[], Coroutine[Any, Any, Outcome]]:
        return lambda: bootstrap.orders().page(TRADER.id, self.wallet, OrderQuery(1), knows_nothing)

    def order(self, order_id: str) -> OrderRecord:
        found = self.run(bootstrap.orders().get(TRADER.id, self.wallet, order_id, knows_nothing))
        assert isinstance(found, Versioned)
        record: OrderRecord = found.value
        return record

    def resting(self, amount: str = "0.01", away: str = "-0.1", **fields: object) -> str:
        given = {"type": "limit", "amount": amount, "price": self.engine.away(away)} | fields
        return str(self.engine.place(self.wallet, **given)["order_id"])

    def held(self, symbol: str = BTC) -> Decimal:
        items = self.engine.get("list_positions", self.wallet, "/positions")["items"]
        return next((D(item["amount"]) for item in items if item["symbol"] == symbol), D(0))


@pytest.fixture
def races(engine: Engine, run: Run, seed: int, environment: pytest.MonkeyPatch) -> Races:
    environment.setenv("ORDERS_PER_MINUTE", "1000")
    bootstrap.settings.cache_clear()
    return Races(engine, run, seed)


def knows_nothing(_: str) -> bool:
    return False


def marks(order: OrderRecord) -> list[str]:
    return [mark.value for mark, _ in order.status_history]


def test_replacements_of_different_values_both_hold(races: Races) -> None:
    order_id = races.resting()
    for number in range(ROUNDS):
        price, amount = D(races.engine.away("-0.1")) - number, D("0.02") + D("0.001") * number
        found = races.at_once(races.replace(order_id, price=price), races.replace(order_id, amount=amount))
        assert [type(each) for each in found] == [OrderRecord, OrderRecord]
        after = races.order(order_id)
        assert (after.price, after.amount) == (price, amount)
    assert marks(races.order(order_id)).count("replaced") == min(2 * ROUNDS, 19)
    races.check()


def test_concurrent_repeats_of_a_replacement_are_one_entry(races: Races) -> None:
    for number in range(ROUNDS):
        order_id = races.resting()
        change = races.replace(order_id, amount=D("0.02") + D("0.001") * number, if_filled_amount=D(0))
        found = races.at_once(*[change] * races.chance.randint(2, 4))
        assert sorted(each.replayed for each in found) == [False, *[True] * (len(found) - 1)]
        assert marks(races.order(order_id)) == ["open", "replaced"]
    races.check()


def test_replacement_and_cancellation_at_once_leave_a_cancelled_order(races: Races) -> None:
    for _ in range(ROUNDS):
        order_id = races.resting()
        replaced, cancelled = races.at_once(races.replace(order_id, amount=D("0.02")), races.cancel(order_id))
        assert cancelled.status is OrderStatus.CANCELLED
        after = races.order(order_id)
        if isinstance(replaced, OrderAlreadyClosedError):
            assert (marks(after), after.amount) == (["open", "cancelled"], D("0.01"))
        else:
            assert (marks(after), after.amount) == (["open", "replaced", "cancelled"], D("0.02"))
    races.check()


def test_replacement_beside_the_evaluation_that_fills_the_order(races: Races) -> None:
    """The path has passed the price already, so the order must fill before anything is decided about it."""
    for number in range(ROUNDS):
        placed = races.run(races.place(type=OrderType.LIMIT, amount=D("0.01"), price=_just_below(races))())
        for _ in range(40):
            races.engine.clock.forward(minutes=10)
            if races.engine.price() < (placed.price or D(0)):
                break
        values = {"if_filled_amount": D(0)} if number % 2 else {}
        change = races.replace(placed.order_id, amount=D("0.02"), **values)
        replaced, *_ = races.at_once(change, races.evaluate(), races.evaluate())
        after = races.order(placed.order_id)
        if after.status is OrderStatus.FILLED and isinstance(replaced, WalletError):
            assert isinstance(replaced, OrderAlreadyFilledError | OrderChangedError)
            assert after.amount == after.filled_amount == D("0.01")
        else:
            assert after.amount == D("0.02")
    races.check()


def _just_below(races: Races) -> Decimal:
    return D(races.engine.away("-0.001"))


@pytest.mark.parametrize("part", [{"amount": D("0.006")}, {"percent": D(60)}])
def test_parts_closed_at_once_are_parts_of_what_is_left(races: Races, part: dict[str, Decimal]) -> None:
    for _ in range(ROUNDS):
        races.engine.place(races.wallet, amount="0.01")
        found = races.at_once(races.close(**part), races.close(**part))
        sold = [each.filled_amount for each in found if isinstance(each, OrderRecord)]
        if "amount" in part:
            assert [type(each) for each in found if isinstance(each, WalletError)] == [InsufficientBalanceError]
            assert (sold, races.held()) == ([D("0.006")], D("0.004"))
        else:
            assert (sorted(sold), races.held()) == ([D("0.0024"), D("0.006")], D("0.0016"))
        races.run(races.close()())
    races.check()


def test_closing_beside_the_replacement_of_a_sell_order(races: Races) -> None:
    for number in range(ROUNDS):
        races.engine.place(races.wallet, amount="0.01", stop_loss={"percent": "10"}, take_profit={"percent": "10"})
        races.engine.place(races.wallet, amount="0.01")
        sell = races.resting("0.01", "0.1", side="sell")
        part = {} if number % 3 == 0 else {"amount": D("0.012")}
        closed, replaced = races.at_once(races.close(**part), races.replace(sell, amount=D("0.009")))
        assert closed.filled_amount == part.get("amount", D("0.02"))
        if isinstance(replaced, WalletError):
            assert isinstance(replaced, OrderAlreadyClosedError)
        locked = sum((D(item["remaining_amount"]) for item in _open_sells(races)), D(0))
        assert locked <= races.held() == D("0.02") - closed.filled_amount
        if races.held():
            races.run(races.close()())
    races.check()


def _open_sells(races: Races) -> Sequence[dict[str, Any]]:
    items = races.engine.get("list_orders", races.wallet, "/orders", status="open", side="sell")["items"]
    return [item for item in items if not (item["type"] == "take_profit" and item["entry"])]  # shares its pair's lock


def test_closing_all_beside_orders_sells_each_position_once(races: Races) -> None:
    for number in range(ROUNDS):
        races.engine.place(races.wallet, amount="0.01")
        races.engine.place(races.wallet, symbol=ETH, amount="0.1")
        exits = {"stop_loss": ExitSpec(percent=D(5))}
        bought, *closed = races.at_once(
            races.place(amount=D("0.004"), **exits), *[races.close_all(f"flat-{number}")] * 2
        )
        assert isinstance(bought, OrderRecord)
        assert [each.failed for each in closed] == [[], []]
        ids = [[item.order_id for item in each.items] for each in closed]
        assert ids[0] == ids[1]
        sold = closed[0].items[0].filled_amount
        assert sold in {D("0.01"), D("0.014")}
        assert (races.held(), races.held(ETH)) == (D("0.014") - sold, D(0))
        if races.held():
            (stop,) = _open_sells(races)
            assert D(stop["amount"]) == races.held()
            races.run(races.close()())
    races.check()


def test_closing_all_without_a_key_at_once_sells_no_position_twice(races: Races) -> None:
    for _ in range(ROUNDS):
        races.engine.place(races.wallet, amount="0.01")
        found = races.at_once(*[races.close_all(None)] * 3)
        assert sum(len(each.items) for each in found) == 1
        assert {type(error) for each in found for _, error in each.failed} <= {OrderRejectedError}
        assert races.held() == 0
    races.check()
