"""The behaviour that every wallet shares, whatever venue it uses: the contract of :mod:`moniqo_core.wallets.base`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.errors import (
    IdempotencyMismatchError,
    InsufficientBalanceError,
    InvalidOrderError,
    InvalidSymbolError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    OrderRejectedError,
    WalletError,
    WalletNotInitializedError,
)
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, ceil_to, exact, floor_to
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.storage.client import connect
from moniqo_core.wallets.base import BaseWallet, OrderResult, OrderSide, OrderStatus, OrderType, TimeInForce
from tests.conftest import Database, Run
from tests.support.mongo import patient_client
from tests.support.venues.rules import TAKING_ORDERS
from tests.support.wallet_accounts import VENUES, Account, OpenAccount

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
FAR = Decimal("0.7")
"""A limit at this share of the price rests."""

CALLS: dict[str, Callable[[BaseWallet, str], Awaitable[object]]] = {
    "get_balance": lambda wallet, _: wallet.get_balance(),
    "get_balance_for_asset": lambda wallet, _: wallet.get_balance_for_asset("USDT"),
    "get_markets": lambda wallet, _: wallet.get_markets(),
    "get_snapshot": lambda wallet, symbol: wallet.get_snapshot(symbol),
    "get_market_price": lambda wallet, symbol: wallet.get_market_price(symbol),
    "market_clock": lambda wallet, _: wallet.market_clock(),
    "tickers": lambda wallet, symbol: wallet.tickers([symbol]),
    "get_candles": lambda wallet, symbol: wallet.get_candles(symbol, "1m", 5),
    "place_order": lambda wallet, symbol: wallet.place_order(symbol, BUY, MARKET, Decimal("0.01")),
    "cancel_order": lambda wallet, symbol: wallet.cancel_order("o-2-1", symbol),
    "get_order_status": lambda wallet, symbol: wallet.get_order_status("o-2-1", symbol),
    "get_open_orders": lambda wallet, _: wallet.get_open_orders(),
    "get_order_history": lambda wallet, _: wallet.get_order_history(),
    "get_positions": lambda wallet, _: wallet.get_positions(),
    "valuation": lambda wallet, _: wallet.valuation(),
    "record": lambda wallet, _: wallet.record(SetStatus("paused", "owner"), {}),
}


@pytest.fixture(scope="module")
def accounts(mongo_url: str) -> Iterator[Database]:
    """The store of this suite's wallets, each with its own account."""
    database = connect(mongo_url, f"test_{uuid.uuid4().hex}")
    yield database
    event_loop.run(_drop(mongo_url, database))


async def _drop(url: str, database: Database) -> None:
    try:
        await patient_client(url).drop_database(database.name)
    finally:
        await database.client.close()


@pytest.fixture(scope="module", params=sorted(VENUES))
def open_account(request: pytest.FixtureRequest, accounts: Database) -> Iterator[OpenAccount]:
    """Each venue in turn."""
    with VENUES[request.param](accounts) as opened_here:
        yield opened_here


@pytest.fixture
def venue(open_account: OpenAccount) -> Account:
    """A new account at each venue in turn."""
    return open_account()


needs_orders = pytest.mark.parametrize("open_account", ["demo", *TAKING_ORDERS], indirect=True)


@asynccontextmanager
async def opened(venue: Account) -> AsyncIterator[WalletHarness]:
    async with venue.wallet() as wallet:
        yield WalletHarness(wallet, venue, await _market(wallet, venue.symbol))


async def _market(wallet: BaseWallet, symbol: str) -> Market:
    return next(market for market in await wallet.get_markets() if market.symbol == symbol)


class WalletHarness:
    """A wallet with helpers to send valid orders to it."""

    def __init__(self, wallet: BaseWallet, venue: Account, market: Market) -> None:
        self.wallet = wallet
        self.venue = venue
        self.market = market

    async def size(self) -> Decimal:
        """Twice the smallest amount that may be bought."""
        price = await self.wallet.get_market_price(self.market.symbol)
        with exact():
            least = max(self.market.min_amount, self.market.min_notional / (price.bid * FAR))
            return 2 * ceil_to(least, self.market.lot_step)

    async def far_below(self) -> Decimal:
        """A price at which a buy rests."""
        price = await self.wallet.get_market_price(self.market.symbol)
        with exact():
            return floor_to(price.bid * FAR, self.market.tick_size)

    async def buy(self, **fields: Any) -> OrderResult:
        return await self.wallet.place_order(self.market.symbol, BUY, MARKET, await self.size(), **fields)

    async def rest(self, **fields: Any) -> OrderResult:
        limit = await self.far_below()
        return await self.wallet.place_order(self.market.symbol, BUY, LIMIT, await self.size(), limit, **fields)

    async def everything(self) -> object:
        """Everything that an order could change."""
        orders = [order.order_id for order in await self.wallet.get_open_orders()]
        return await self.wallet.get_balance(), orders, await self.ended()

    async def ended(self, **asked: Any) -> list[OrderResult]:
        """Every ended order, by symbol where the venue lists only one symbol."""
        symbol = self.market.symbol if self.venue.history_by_symbol else None
        return await self.wallet.get_order_history(symbol, **asked)

    def seen(self, order: OrderResult) -> OrderResult:
        """An order as it is read back: a venue keeps neither metadata nor our client ids."""
        return order if self.venue.is_ours else replace(order, metadata={}, client_order_id=None)

    def got(self, order: OrderResult) -> Decimal:
        """The amount received by a purchase, less a fee that is paid in the bought asset."""
        return order.filled_amount - (order.fee if order.fee_currency == self.market.base else 0)

    def paid(self, order: OrderResult) -> Decimal:
        """The change in cash of an order, including a fee that is paid in cash."""
        fee = order.fee if order.fee_currency == self.market.quote else Decimal(0)
        return order.filled_quote + fee if order.side is BUY else fee - order.filled_quote


def test_wallet_info_identifies_the_wallet_without_secrets(venue: Account, run: Run) -> None:
    wallet = venue.wallet()
    info = wallet.get_wallet_info()
    assert set(info) == {"wallet_id", "user_wallet_id", "type", "initialized"}
    assert info["user_wallet_id"] == wallet.user_wallet_id == venue.user_wallet_id
    assert info["wallet_id"] == wallet.wallet_id
    assert info["type"] == type(wallet).__name__
    assert not any(secret in f"{wallet!r} {wallet} {info}" for secret in venue.secrets)


def test_initialise_and_close_are_repeatable(venue: Account, run: Run) -> None:
    async def work() -> None:
        wallet = venue.wallet()
        assert not wallet.is_initialized()
        await wallet.close()
        for _ in range(2):
            await wallet.initialize()
            await wallet.initialize()
            assert wallet.is_initialized()
            assert wallet.get_wallet_info()["initialized"] is True
            assert await wallet.get_balance()
            await wallet.close()
            await wallet.close()
            assert not wallet.is_initialized()
        async with wallet as entered:
            assert entered is wallet
            assert await wallet.test_connection() == (True, None)
        assert not wallet.is_initialized()

    run(work())


@pytest.mark.parametrize("call", sorted(CALLS))
def test_calls_fail_before_initialise_and_after_close(venue: Account, run: Run, call: str) -> None:
    async def work() -> None:
        wallet = venue.wallet()
        with pytest.raises(WalletNotInitializedError):
            await CALLS[call](wallet, venue.symbol)
        await wallet.initialize()
        await wallet.close()
        with pytest.raises(WalletNotInitializedError):
            await CALLS[call](wallet, venue.symbol)

    run(work())


@needs_orders
def test_balances_add_up(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            await harness.buy()
            await harness.rest()
            balances = await harness.wallet.get_balance()
            names = [balance.asset for balance in balances]
            assert names == sorted(set(names))
            assert {harness.market.base, venue.cash} <= set(names)
            for balance in balances:
                assert balance.free >= 0
                assert balance.locked >= 0
                assert balance.total == balance.free + balance.locked
                assert await harness.wallet.get_balance_for_asset(balance.asset) == balance
            none = await harness.wallet.get_balance_for_asset("NOSUCHASSET")
            assert (none.asset, none.free, none.locked, none.total) == ("NOSUCHASSET", ZERO, ZERO, ZERO)

    run(work())


def test_markets_are_plausible(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            markets = await harness.wallet.get_markets()
            names = [market.symbol for market in markets]
            assert names == sorted(set(names))
            assert {venue.symbol, venue.another} <= set(names)
            for market in markets:
                assert market.symbol == f"{market.base}/{market.quote}"
                assert market.tick_size > 0
                assert market.lot_step > 0
                assert market.min_amount >= 0
                assert market.min_notional >= 0

    run(work())


def test_prices_are_plausible(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            price = await harness.wallet.get_market_price(venue.symbol)
            assert 0 < price.bid <= price.mid <= price.ask
            assert price.spread == price.ask - price.bid
            assert abs(datetime.now(UTC) - price.timestamp) < timedelta(minutes=1)
            shown = await harness.wallet.get_snapshot(venue.symbol)
            bids, asks = [level.price for level in shown.bids], [level.price for level in shown.asks]
            assert bids == sorted(set(bids), reverse=True)
            assert asks == sorted(set(asks))
            assert all(level.amount > 0 for level in (*shown.bids, *shown.asks))
            assert all(value % harness.market.tick_size == 0 for value in (*bids, *asks))
            asked = [venue.another, venue.symbol]
            report = await harness.wallet.tickers(asked)
            assert ([ticker.symbol for ticker in report.tickers], report.unpriced) == (asked, [])
            quote = report.tickers[1].quote
            assert 0 < quote.bid <= quote.ask
            assert abs(datetime.now(UTC) - report.tickers[1].at) < timedelta(minutes=1)
            candles = await harness.wallet.get_candles(venue.symbol, "1m", 5)
            assert 1 <= len(candles) <= 5
            assert [candle.start for candle in candles] == sorted({candle.start for candle in candles})
            assert all(candle.low <= min(candle.open, candle.close) for candle in candles)
            assert all(candle.high >= max(candle.open, candle.close) for candle in candles)
            assert all(candle.volume >= 0 for candle in candles)

    run(work())


@needs_orders
def test_market_orders_buy_and_sell_back(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            before = (await harness.wallet.get_balance_for_asset(venue.cash)).total
            bought = await harness.buy(metadata={"why": "test", "n": 1.5})
            size = bought.amount
            assert (bought.symbol, bought.side, bought.order_type, bought.price) == (venue.symbol, BUY, MARKET, None)
            assert (bought.status, bought.filled_amount) == (OrderStatus.FILLED, size)
            assert bought.metadata == {"why": "test", "n": 1.5}
            assert abs(datetime.now(UTC) - bought.timestamp) < timedelta(minutes=1)
            _check_average(bought)
            with exact():
                held, left = harness.got(bought), before - harness.paid(bought)
            assert (await harness.wallet.get_balance_for_asset(harness.market.base)).free == held
            assert (await harness.wallet.get_balance_for_asset(venue.cash)).free == left
            (position,) = await harness.wallet.get_positions()
            assert (position.symbol, position.amount) == (venue.symbol, held)
            assert position.fees == (bought.fee if bought.fee_currency == venue.cash else 0)
            sold = await harness.wallet.place_order(venue.symbol, SELL, MARKET, floor_to(held, harness.market.lot_step))
            assert (sold.status, sold.filled_amount) == (OrderStatus.FILLED, sold.amount)
            _check_average(sold)
            dust = held - sold.amount
            assert dust < harness.market.lot_step
            assert (await harness.wallet.get_balance_for_asset(harness.market.base)).total == dust
            with exact():
                left -= harness.paid(sold)
            assert (await harness.wallet.get_balance_for_asset(venue.cash)).free == left
            assert [position.amount for position in await harness.wallet.get_positions()] == ([dust] if dust else [])
            assert [order.order_id for order in await harness.ended()] == [sold.order_id, bought.order_id]
            assert harness.seen(await harness.wallet.get_order_status(bought.order_id, venue.symbol)) == harness.seen(
                bought
            )
            with pytest.raises(OrderAlreadyFilledError):
                await harness.wallet.cancel_order(bought.order_id, venue.symbol)

    run(work())


def _check_average(order: OrderResult) -> None:
    """Check that fee and average price match the exchanged amounts."""
    assert order.fee > 0
    assert order.fee_currency
    assert order.average_fill_price is not None
    with exact():
        assert abs(order.average_fill_price * order.filled_amount - order.filled_quote) < Decimal("0.0001")


@needs_orders
def test_limit_order_rests_until_cancelled(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            before = await harness.wallet.get_balance_for_asset(venue.cash)
            order = await harness.rest(client_order_id="rest-1")
            assert (order.status, order.filled_amount, order.fee) == (OrderStatus.OPEN, ZERO, ZERO)
            assert (order.average_fill_price, order.client_order_id) == (None, "rest-1")
            assert order.price is not None
            held = await harness.wallet.get_balance_for_asset(venue.cash)
            with exact():
                assert held.locked >= order.price * order.amount
            assert held.total == before.total
            for orders in (await harness.wallet.get_open_orders(), await harness.wallet.get_open_orders(venue.symbol)):
                assert [harness.seen(shown) for shown in orders] == [harness.seen(order)]
            assert await harness.wallet.get_open_orders(venue.another) == []
            assert order.order_id not in [ended.order_id for ended in await _closed(harness)]
            # Another object for the same account sees it and may cancel it.
            async with venue.wallet() as twin:
                assert await twin.cancel_order(order.order_id, venue.symbol) is True
            assert await harness.wallet.get_open_orders() == []
            assert await harness.wallet.get_balance_for_asset(venue.cash) == before
            ended = await harness.wallet.get_order_status(order.order_id, venue.symbol)
            assert (ended.status, ended.filled_amount) == (OrderStatus.CANCELLED, ZERO)
            assert [ended.order_id for ended in await _closed(harness)] == [order.order_id]
            with pytest.raises(OrderAlreadyClosedError):
                await harness.wallet.cancel_order(order.order_id, venue.symbol)

    run(work())


async def _closed(harness: WalletHarness) -> list[OrderResult]:
    return await harness.wallet.get_order_history(harness.market.symbol)


@needs_orders
def test_history_is_by_symbol_newest_first_and_within_the_limit(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            orders = [await harness.buy() for _ in range(3)]
            newest = [order.order_id for order in reversed(orders)]
            assert [order.order_id for order in await harness.ended(limit=2)] == newest[:2]
            assert [order.order_id for order in await harness.wallet.get_order_history(venue.symbol)] == newest
            assert await harness.wallet.get_order_history(venue.another) == []

    run(work())


@needs_orders
def test_repeated_client_order_id_returns_the_first_order(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            size = await harness.size()
            first = await harness.wallet.place_order(venue.symbol, BUY, MARKET, size, client_order_id="once")
            after = await harness.everything()
            async with venue.wallet() as twin:
                again = await twin.place_order(venue.symbol, BUY, MARKET, size, client_order_id="once")
            assert harness.seen(again) == harness.seen(first)
            with pytest.raises(IdempotencyMismatchError):
                await harness.wallet.place_order(venue.symbol, BUY, MARKET, size * 2, client_order_id="once")
            assert await harness.everything() == after
            other = await harness.wallet.place_order(venue.symbol, BUY, MARKET, size, client_order_id="twice")
            assert other.order_id != first.order_id

    run(work())


def test_unknown_orders_and_symbols_are_not_found(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            for order_id in ("o-99-1", "no such order"):
                with pytest.raises(OrderNotFoundError):
                    await harness.wallet.get_order_status(order_id, venue.symbol)
                with pytest.raises(OrderNotFoundError):
                    await harness.wallet.cancel_order(order_id, venue.symbol)
            size = await harness.size()
            calls: tuple[Callable[[str], Awaitable[object]], ...] = (
                harness.wallet.get_market_price,
                lambda symbol: harness.wallet.tickers([venue.symbol, symbol]),
                lambda symbol: harness.wallet.get_candles(symbol, "1m", 5),
                lambda symbol: harness.wallet.place_order(symbol, BUY, MARKET, size),
            )
            for symbol in ("NO/SUCH", "", venue.symbol.lower()):
                for call in calls:
                    with pytest.raises(InvalidSymbolError):
                        await call(symbol)

    run(work())


Refusal = tuple[type[WalletError], Callable[[Decimal, Decimal, Market], dict[str, Any]]]
REFUSALS: dict[str, Refusal] = {
    "amount off its step": (
        InvalidOrderError,
        lambda size, _, market: {"amount": size + market.lot_step / 2},
    ),
    "amount below the minimum": (InvalidOrderError, lambda _, __, market: {"amount": market.lot_step / 10}),
    "nothing": (InvalidOrderError, lambda _, __, ___: {"amount": Decimal(0)}),
    "a negative amount": (InvalidOrderError, lambda size, _, __: {"amount": -size}),
    "no amount": (InvalidOrderError, lambda _, __, ___: {"amount": None}),
    "price off its tick": (
        InvalidOrderError,
        lambda size, price, market: {"order_type": LIMIT, "amount": size, "price": price + market.tick_size / 2},
    ),
    "a limit order without a price": (InvalidOrderError, lambda size, _, __: {"order_type": LIMIT, "amount": size}),
    "a market order with a price": (InvalidOrderError, lambda size, price, _: {"amount": size, "price": price}),
    "a worthless order": (
        InvalidOrderError,
        lambda _, __, market: {"order_type": LIMIT, "amount": market.min_amount, "price": market.tick_size},
    ),
    "more than there is": (
        InsufficientBalanceError,
        lambda size, price, _: {"order_type": LIMIT, "amount": size * 10**5, "price": price},
    ),
    "a sale of what is not held": (InsufficientBalanceError, lambda size, _, __: {"side": SELL, "amount": size}),
    "post-only that would take": (
        OrderRejectedError,
        lambda size, price, market: {
            "order_type": LIMIT,
            "amount": size,
            "price": floor_to(price / FAR * 2, market.tick_size),
            "post_only": True,
        },
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSALS))
@needs_orders
def test_refused_order_changes_nothing(venue: Account, run: Run, name: str) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            before = await harness.everything()
            error, fields = REFUSALS[name]
            order = {"side": BUY, "order_type": MARKET, "client_order_id": "refused"}
            with exact():
                order |= fields(await harness.size(), await harness.far_below(), harness.market)
            with pytest.raises(error) as refused:
                await harness.wallet.place_order(venue.symbol, **order)  # type: ignore[arg-type]
            assert refused.value.detail
            assert await harness.everything() == before
            # A refusal does not use up its id.
            accepted = await harness.buy(client_order_id="refused")
            assert accepted.status is OrderStatus.FILLED

    run(work())


@needs_orders
def test_unmatched_ioc_order_is_cancelled(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            before = await harness.wallet.get_balance()
            order = await harness.rest(time_in_force=TimeInForce.IOC)
            assert (order.status, order.filled_amount) == (OrderStatus.CANCELLED, ZERO)
            assert await harness.wallet.get_balance() == before

    run(work())


@needs_orders
def test_positions_have_amount_and_cost(venue: Account, run: Run) -> None:
    async def work() -> None:
        async with opened(venue) as harness:
            assert await harness.wallet.get_positions() == []
            orders = [await harness.buy(), await harness.buy()]
            (position,) = await harness.wallet.get_positions()
            with exact():
                amount = sum((harness.got(order) for order in orders), Decimal(0))
                cost = sum((order.filled_quote for order in orders), Decimal(0))
                assert position.average_cost is not None
                assert abs(position.average_cost * amount - cost) < Decimal("0.0001")
            assert (position.symbol, position.amount) == (venue.symbol, amount)
            value = await harness.wallet.valuation()
            assert {held.asset for held in value.assets} == {harness.market.base, venue.cash}

    run(work())
