"""What the orders of every wallet do alike: the promises of ``moniqo_core.services.orders.execution``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import (
    IdempotencyMismatchError,
    InvalidSymbolError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    OrderRejectedError,
    WalletError,
    WalletInUseError,
)
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, ceil_to, exact, floor_to
from moniqo_core.domain.orders.list_queries import FillQuery, OrderQuery
from moniqo_core.domain.orders.order import Fill, OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet
from moniqo_core.services.orders.execution import OrderExecution
from moniqo_core.storage.wallets.lifecycle_changes import touched
from tests.conftest import Run
from tests.contract.test_wallet_conformance import accounts, needs_orders, open_account, venue
from tests.support.wallet_accounts import Account

__all__ = ["accounts", "open_account", "venue"]

pytestmark = needs_orders

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
FAR = Decimal("0.7")
"""A limit at this share of the price rests."""


class OrderHarness:
    """The orders of a wallet with what is needed to send sound ones."""

    def __init__(self, execution: OrderExecution, venue: Account, market: Market) -> None:
        self.execution = execution
        self.venue = venue
        self.market = market

    async def far_below(self) -> Decimal:
        """A price at which a buy order rests."""
        price = await self.execution.account.get_market_price(self.market.symbol)
        with exact():
            return floor_to(price.bid * FAR, self.market.tick_size)

    async def size(self) -> Decimal:
        """The smallest amount that may be bought, twice over."""
        with exact():
            least = max(self.market.min_amount, self.market.min_notional / await self.far_below())
            return 2 * ceil_to(least, self.market.lot_step)

    async def buy_order(self, **fields: Any) -> OrderRequest:
        return OrderRequest(self.market.symbol, BUY, MARKET, await self.size(), **fields)

    async def resting(self, **fields: Any) -> OrderRequest:
        price = await self.far_below()
        return OrderRequest(self.market.symbol, BUY, LIMIT, await self.size(), price=price, **fields)

    async def buy(self, **fields: Any) -> OrderRecord:
        return await self.execution.place(await self.buy_order(**fields))

    async def rest(self, **fields: Any) -> OrderRecord:
        return await self.execution.place(await self.resting(**fields))

    async def ids(self, **query: Any) -> list[str]:
        """Ids of a page of orders, newest first."""
        return [record.order_id for record in (await self.execution.page(OrderQuery(50, **query))).records]


@asynccontextmanager
async def opened(venue: Account) -> AsyncIterator[OrderHarness]:
    async with venue.execution() as execution:
        markets = await execution.account.get_markets()
        yield OrderHarness(execution, venue, next(market for market in markets if market.symbol == venue.symbol))


def lasting(record: OrderRecord) -> tuple[object, ...]:
    """What is said of an order whenever and however it is read."""
    return (
        record.user_wallet_id,
        record.mode,
        record.order_id,
        record.client_order_id,
        (record.symbol, record.side, record.type, record.time_in_force),
        (record.status, record.amount, record.filled_amount, record.remaining_amount, record.filled_quote),
        (record.price, record.average_fill_price, record.fee, record.fee_currency),
        record.fills,
        record.status_history,
        record.created_at,
        dict(record.metadata),
    )


def test_buy_has_the_same_record_wherever_it_is_read(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            bought = await harness.buy(client_order_id="mine", metadata={"why": "test", "n": 1.5})
            assert (bought.user_wallet_id, bought.client_order_id) == (venue.user_wallet_id, "mine")
            assert bought.mode == harness.execution.account.mode
            assert (bought.symbol, bought.side, bought.type, bought.price) == (venue.symbol, BUY, MARKET, None)
            assert (bought.status, bought.remaining_amount) == (OrderStatus.FILLED, ZERO)
            assert bought.filled_amount == bought.amount
            assert bought.fee > 0
            assert bought.metadata == {"why": "test", "n": 1.5}
            assert (bought.entry, bought.reason, bought.replayed) == (None, None, False)
            assert (bought.receipt is None) is (bought.mode == "live")
            with exact():
                assert sum(fill.amount for fill in bought.fills) == bought.filled_amount
                assert sum(fill.quote for fill in bought.fills) == bought.filled_quote
                assert sum(fill.fee for fill in bought.fills) == bought.fee
            assert lasting(await harness.execution.get(bought.order_id)) == lasting(bought)
            (listed,) = (await harness.execution.page(OrderQuery(10))).records
            assert lasting(listed) == lasting(bought)
            fills = (await harness.execution.fills(FillQuery(50))).fills
            assert tuple(reversed(fills)) == bought.fills

    run(work())


def test_repeated_client_order_id_returns_the_first_order(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            order = await harness.buy_order(client_order_id="once")
            assert await harness.execution.find_accepted(order) is None
            first = await harness.execution.place(order)
            # As another request does: the wallet is opened again.
            async with venue.execution() as twin:
                again = await twin.place(order)
                found = await twin.find_accepted(order)
            assert found is not None
            assert (again.replayed, found.replayed) == (True, True)
            assert lasting(again) == lasting(found) == lasting(first)
            assert await harness.ids() == [first.order_id]

    run(work())


def test_another_body_under_a_used_client_order_id_is_refused(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            first = await harness.buy(client_order_id="once")
            other = OrderRequest(venue.symbol, BUY, MARKET, first.amount * 2, client_order_id="once")
            with pytest.raises(IdempotencyMismatchError):
                await harness.execution.place(other)
            with pytest.raises(IdempotencyMismatchError):
                await harness.execution.find_accepted(other)
            assert await harness.ids() == [first.order_id]

    run(work())


def test_every_order_without_a_client_order_id_is_new(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            order = await harness.buy_order()
            first, second = await harness.execution.place(order), await harness.execution.place(order)
            assert await harness.execution.find_accepted(order) is None
            assert await harness.ids() == [second.order_id, first.order_id]
            assert not first.replayed
            assert not second.replayed

    run(work())


def test_preflight_agrees_with_placing_and_places_nothing(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            order = await harness.buy_order(client_order_id="checked")
            passed = await harness.execution.preflight(order)
            assert (passed.would_pass, passed.mode) == (True, harness.execution.account.mode)
            assert all(rule.refusal is None for rule in passed.rules)
            assert order.amount is not None
            assert passed.largest_amount is None or passed.largest_amount >= order.amount
            size, price = await harness.size(), await harness.far_below()
            too_much = OrderRequest(venue.symbol, BUY, LIMIT, size * 10**5, price=price)
            unknown = OrderRequest("NO/SUCH", BUY, MARKET, size)
            for refused in (too_much, unknown):
                found = await harness.execution.preflight(refused)
                (first, *_) = [rule.refusal for rule in found.rules if rule.refusal is not None]
                assert not found.would_pass
                with pytest.raises(type(first)):
                    await harness.execution.place(refused)
            assert await harness.ids() == []
            assert (await harness.execution.place(order)).status is OrderStatus.FILLED

    run(work())


def test_resting_order_is_listed_as_open_until_cancelled(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            bought, order = await harness.buy(), await harness.rest(client_order_id="rests")
            assert (order.status, order.filled_amount, order.remaining_amount) == (OrderStatus.OPEN, ZERO, order.amount)
            assert (order.average_fill_price, order.fills) == (None, ())
            assert await harness.ids(only_open=True) == [order.order_id]
            assert await harness.ids(only_open=False) == [bought.order_id]
            assert await harness.ids(symbol=venue.another) == []
            async with venue.execution() as twin:
                cancelled = await twin.cancel(order.order_id)
            assert (cancelled.order_id, cancelled.status) == (order.order_id, OrderStatus.CANCELLED)
            assert cancelled.evaluated_until == cancelled.updated_at
            assert await harness.ids(only_open=True) == []
            assert await harness.ids() == [order.order_id, bought.order_id]
            assert (await harness.execution.get(order.order_id)).status is OrderStatus.CANCELLED

    run(work())


def test_cancelling_an_ended_order_is_refused_and_shows_the_order(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            bought, cancelled = await harness.buy(), await harness.rest()
            cancelled = await harness.execution.cancel(cancelled.order_id)
            for order, kind in ((bought, OrderAlreadyFilledError), (cancelled, OrderAlreadyClosedError)):
                with pytest.raises(kind) as refused:
                    await harness.execution.cancel(order.order_id)
                shown = refused.value.members["order"]
                assert isinstance(shown, OrderRecord)
                assert lasting(shown) == lasting(order)

    run(work())


def test_cancel_all_cancels_one_symbol_or_every_order(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            assert await harness.execution.cancel_all(None) == []
            first, second = await harness.rest(), await harness.rest()
            assert await harness.execution.cancel_all(venue.another) == []
            done = await harness.execution.cancel_all(venue.symbol)
            assert [record.order_id for record in done] == [first.order_id, second.order_id]
            assert {record.status for record in done} == {OrderStatus.CANCELLED}
            third = await harness.rest()
            assert [record.order_id for record in await harness.execution.cancel_all(None)] == [third.order_id]
            assert await harness.ids(only_open=True) == []

    run(work())


def test_closing_a_position_sells_the_whole_holding(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            with pytest.raises(OrderRejectedError):
                await harness.execution.close_position(ClosePosition(venue.symbol))
            await harness.buy()
            held = (await harness.execution.account.get_balance_for_asset(harness.market.base)).free
            price = await harness.execution.account.get_market_price(venue.symbol)
            with exact():
                dear = floor_to(price.ask * 2, harness.market.tick_size)
                part = floor_to(held / 2, harness.market.lot_step)
            exit_ = await harness.execution.place(OrderRequest(venue.symbol, SELL, LIMIT, part, price=dear))
            sold = await harness.execution.close_position(ClosePosition(venue.symbol))
            assert (sold.symbol, sold.side, sold.type) == (venue.symbol, SELL, MARKET)
            assert (sold.status, sold.filled_amount) == (OrderStatus.FILLED, floor_to(held, harness.market.lot_step))
            assert (await harness.execution.get(exit_.order_id)).status is OrderStatus.CANCELLED
            left = await harness.execution.account.get_balance_for_asset(harness.market.base)
            assert left.total < harness.market.lot_step

    run(work())


def test_pages_omit_and_repeat_nothing(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            orders = [await harness.buy() for _ in range(3)]
            newest = [order.order_id for order in reversed(orders)]
            page = await harness.execution.page(OrderQuery(2))
            assert [record.order_id for record in page.records] == newest[:2]
            rest = await harness.execution.page(OrderQuery(2, after=page.next_cursor))
            assert [record.order_id for record in rest.records] == newest[2:]
            assert rest.next_cursor is None
            every = list((await harness.execution.fills(FillQuery(50))).fills)
            assert {fill.order_id for fill in every} == set(newest)
            found: list[Fill] = []
            cursor: tuple[int, int] | None = None
            while True:
                part = await harness.execution.fills(FillQuery(1, after=cursor))
                found += part.fills
                cursor = part.next_cursor
                if cursor is None:
                    break
            assert found == every
            assert (await harness.execution.fills(FillQuery(50, symbol=venue.another))).fills == []

    run(work())


def test_unknown_orders_and_symbols_are_not_found(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            for order_id in ("o-99-1", "no such order"):
                with pytest.raises(OrderNotFoundError):
                    await harness.execution.get(order_id)
                with pytest.raises(OrderNotFoundError):
                    await harness.execution.cancel(order_id)
            with pytest.raises(InvalidSymbolError):
                await harness.execution.place(OrderRequest("NO/SUCH", BUY, MARKET, await harness.size()))
            with pytest.raises(InvalidSymbolError):
                await harness.execution.close_position(ClosePosition("NO/SUCH"))
            assert await harness.ids() == []

    run(work())


async def _delete(execution: OrderExecution, *, force: bool) -> None:
    await execution.release(force=force)
    await execution.account.record(DeleteWallet(force=force), touched(utc_now()))


def test_wallet_with_an_open_order_is_not_released(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            order = await harness.rest()
            with pytest.raises(WalletInUseError) as refused:
                await _delete(harness.execution, force=False)
            assert refused.value.members["open_orders"] == 1
            assert (await harness.execution.get(order.order_id)).status is OrderStatus.OPEN

    run(work())


def test_no_order_can_fill_after_a_forced_release(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            order = await harness.rest()
            await _delete(harness.execution, force=True)
            if not venue.is_ours:
                # The venue has it: what it says is what counts.
                assert await harness.execution.account.get_open_orders() == []
                assert (await harness.execution.get(order.order_id)).status is OrderStatus.CANCELLED
            with pytest.raises(WalletError):
                await harness.rest()

    run(work())
