"""What a venue says is data about money: its own numbers, read as it documents them, and one odd row costs that row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import (
    ConflictError,
    InvalidCredentialsError,
    InvalidSymbolError,
    OrderAlreadyFilledError,
    OrderRejectedError,
    RateLimitExceededError,
    UnknownOutcomeError,
    WalletConnectionError,
    WalletError,
)
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, Flow
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.storage.market.venue_markets import VenueMarketStore
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.refusals import CANCEL_PENDING
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Database, Run
from tests.support.venues.exchange import Ticket
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import TAKING_ORDERS, venue_named
from tests.support.venues.server import FakeVenue

D = Decimal


class Account:
    """An account at a fake venue, whose answers a test may change."""

    def __init__(self, fake: FakeVenue, credentials: dict[str, str] | None = None) -> None:
        self.fake = fake
        self.venue = venue_named(fake.name)
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        self.connection = VenueConnection(self.venue, config, allow_loopback=True)
        self.credentials = credentials or fake.credentials()
        self.wallet = ExchangeWallet("definition", "wallet", self.credentials, {"connection": self.connection})
        self.symbol = next(iter(fake.exchange.listed))
        self.level = fake.exchange.listed[self.symbol].lot * 10_000  # the best level of the book has more
        self.other = list(fake.exchange.listed)[1]

    def trade(self, side: str, amount: str, price: str, symbol: str | None = None) -> str:
        """Trade at a price, without a fee, and return the id of the order."""
        exchange, name = self.fake.exchange, symbol or self.symbol
        exchange.fee, before = D(0), exchange.prices[name]
        exchange.prices[name] = D(price) + exchange.listed[name].tick * (-1 if side == "buy" else 1)
        ticket = Ticket(f"{len(self.account.orders):032x}", name, side, "market", D(amount))
        order = exchange.place(self.account, ticket)
        exchange.prices[name] = before
        return order.id

    @property
    def account(self) -> Any:
        return self.fake.exchange.accounts[self.credentials["api_key"]]


@contextmanager
def opened(fake: FakeVenue, credentials: dict[str, str] | None = None) -> Iterator[Account]:
    """Open an account at a running fake, a new one or that of ``credentials``, with a connection of its own."""
    account = Account(fake, credentials)
    event_loop.run(account.wallet.initialize())
    try:
        yield account
    finally:
        event_loop.run(account.connection.close())


@contextmanager
def account_at(name: str) -> Iterator[Account]:
    with FAKES[name]() as fake, opened(fake) as account:
        yield account


@pytest.fixture(params=sorted(FAKES))
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """A new account at each venue in turn."""
    with account_at(request.param) as opened_here:
        yield opened_here


def at_venues(names: Iterable[str]) -> pytest.MarkDecorator:
    """Make a test for the accounts at these venues alone."""
    return pytest.mark.parametrize("account", sorted(names), indirect=True)


@pytest.fixture
def kraken() -> Iterator[Account]:
    with account_at("kraken") as opened_here:
        yield opened_here


def test_margin_trades_at_kraken_are_not_part_of_the_spot_position(kraken: Account, run: Run) -> None:
    kraken.account.free["USD"] = D(200_000)
    kraken.trade("buy", "0.02", "30000")
    opened, closed = kraken.trade("buy", "1", "50000"), kraken.trade("sell", "1", "40000")
    changed = {opened: {"margin": "10000.0", "posstatus": "closed"}, closed: {"misc": "closing"}}
    kraken.fake.rewrite(
        "/TradesHistory",
        lambda shown: [row.update(changed.get(row["ordertxid"], {})) for row in shown["result"]["trades"].values()],
    )
    kraken.fake.exchange.prices[kraken.symbol] = D(40000)

    (held,) = run(kraken.wallet.positions()).items

    assert (held.amount, held.average_cost, held.unrealised_pnl) == (D("0.02"), D(30000), D(200))


def test_mark_is_no_mid_of_a_spread_that_is_not_sane(account: Account, run: Run) -> None:
    exchange, symbol = account.fake.exchange, account.symbol
    exchange.prices[symbol], exchange.best[symbol] = D("0.45"), (D("0.449"), D(100_000))
    account.fake.rewrite("/products", lambda shown: shown["products"][0].update(mid_market_price="50000.2245"))

    marks = run(account.connection.mids())

    assert marks[symbol] == D("0.45")
    assert symbol in marks.thin
    assert account.other not in marks.thin


def test_mark_at_binance_is_the_bid_when_the_last_trade_is_not_known(binance: Account, run: Run) -> None:
    binance.fake.exchange.best[binance.symbol] = D("0.449"), D(100_000)
    binance.fake.break_with("status", path="/api/v3/ticker/price", times=None, status=404)

    assert run(binance.wallet.mids())[binance.symbol] == D("0.449")


@pytest.fixture
def coinbase() -> Iterator[Account]:
    with account_at("coinbase") as opened_here:
        yield opened_here


@pytest.fixture
def binance() -> Iterator[Account]:
    with account_at("binance") as opened_here:
        yield opened_here


def resting(account: Account) -> Any:
    """Place an order that rests at the venue."""
    exchange = account.fake.exchange
    price = exchange.prices[account.symbol] / 2
    return exchange.place(account.account, Ticket(f"{1:032x}", account.symbol, "buy", "limit", D("0.01"), price=price))


CANCEL_REASONS = [
    "UNKNOWN_CANCEL_FAILURE_REASON",
    "INVALID_CANCEL_REQUEST",
    "UNKNOWN_CANCEL_ORDER",
    "COMMANDER_REJECTED_CANCEL_ORDER",
    "DUPLICATE_CANCEL_REQUEST",
    "INVALID_CANCEL_PRODUCT_ID",
    "INVALID_CANCEL_FCM_TRADING_SESSION",
    "NOT_ALLOWED_TO_CANCEL",
    "ORDER_IS_FULLY_FILLED",
    "ORDER_IS_BEING_REPLACED",
    "A_REASON_OF_TOMORROW",
]


def refuse_cancels(coinbase: Account, reason: str) -> None:
    def refuse(shown: Any) -> None:
        for result in shown["results"]:
            result |= {"success": False, "failure_reason": reason}

    coinbase.fake.rewrite("/batch_cancel", refuse)


@pytest.mark.parametrize("reason", [name for name in CANCEL_REASONS if name != "DUPLICATE_CANCEL_REQUEST"])
def test_order_that_filled_before_it_was_cancelled_is_reported_as_filled(
    coinbase: Account, run: Run, reason: str
) -> None:
    order = resting(coinbase)
    coinbase.fake.exchange.move(coinbase.symbol, order.price)
    refuse_cancels(coinbase, reason)
    with pytest.raises(OrderAlreadyFilledError):
        run(coinbase.wallet.cancel_order(order.id, coinbase.symbol))


@pytest.mark.parametrize("reason", CANCEL_REASONS)
def test_refused_cancel_of_an_open_order_is_never_a_success(coinbase: Account, run: Run, reason: str) -> None:
    order = resting(coinbase)
    coinbase.fake.exchange.cancel = lambda *_: None  # type: ignore[method-assign]
    refuse_cancels(coinbase, reason)
    if reason == "DUPLICATE_CANCEL_REQUEST":
        assert run(coinbase.wallet.cancel_order(order.id, coinbase.symbol))
        return
    kind = WalletConnectionError if reason == "A_REASON_OF_TOMORROW" else ConflictError
    with pytest.raises(kind):
        run(coinbase.wallet.cancel_order(order.id, coinbase.symbol))


@pytest.mark.parametrize("reason", ["UNKNOWN_CANCEL_FAILURE_REASON", "A_REASON_OF_TOMORROW"])
def test_unclear_answer_to_a_cancel_that_was_carried_out_is_a_success(coinbase: Account, run: Run, reason: str) -> None:
    order = resting(coinbase)
    refuse_cancels(coinbase, reason)
    assert run(coinbase.wallet.cancel_order(order.id, coinbase.symbol))


def test_cancel_that_counts_no_order_is_looked_at(kraken: Account, run: Run) -> None:
    order = resting(kraken)
    kraken.fake.rewrite("/CancelOrder", lambda shown: shown["result"].update(count=0))
    assert run(kraken.wallet.cancel_order(order.id, kraken.symbol))
    kraken.fake.exchange.cancel = lambda *_: None  # type: ignore[method-assign]
    order.status = "open"
    with pytest.raises(ConflictError):
        run(kraken.wallet.cancel_order(order.id, kraken.symbol))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-2011, "Unknown order sent."),
        (-2011, "Order was not canceled due to cancel restrictions."),
        (-2011, "This account may not place or cancel orders."),
        (-2011, "Something new."),
    ],
)
def test_cancel_refused_by_binance_looks_at_the_order(binance: Account, run: Run, code: int, message: str) -> None:
    order = resting(binance)
    body = json.dumps({"code": code, "msg": message})
    binance.fake.break_with("status", path="/api/v3/order", method="DELETE", status=400, body=body, times=None)
    with pytest.raises(ConflictError):
        run(binance.wallet.cancel_order(order.id, binance.symbol))
    binance.fake.exchange.move(binance.symbol, order.price)
    with pytest.raises(OrderAlreadyFilledError):
        run(binance.wallet.cancel_order(order.id, binance.symbol))


def refuse_to_cancel(account: Account, code: str) -> None:
    """Refuse every cancellation with this code of the venue."""
    where: dict[str, Any] = {"path": account.fake.cancel_path, "method": account.fake.cancel_method, "times": None}
    if account.fake.name == "binance":
        number, _, message = code.partition(" ")
        body = json.dumps({"code": int(number), "msg": message})
        account.fake.break_with("status", status=400, body=body, **where)
    elif account.fake.name == "kraken":
        account.fake.break_with("status", status=200, body=json.dumps({"error": [code]}), **where)
    else:
        refuse_cancels(account, code)


@pytest.mark.parametrize("name", ["binance", "coinbase", "kraken"])
def test_every_final_reason_of_a_venue_not_to_cancel(name: str, run: Run) -> None:
    with account_at(name) as account:
        exchange, refusals = account.fake.exchange, account.venue.refusals
        filled = account.trade("buy", "0.01", str(exchange.prices[account.symbol]))
        opened = resting(account)
        exchange.cancel = lambda *_: None  # type: ignore[method-assign]
        seen = 0
        for code, refusal in refusals.items():
            if refusal.kind != "final" or refusal is CANCEL_PENDING:
                continue
            account.fake.mend()
            refuse_to_cancel(account, code)
            with pytest.raises((refusal.error, ConflictError)) as refused:
                run(account.wallet.cancel_order(opened.id, account.symbol))
            assert not refused.value.retryable
            nothing_done = issubclass(refusal.error, InvalidCredentialsError)
            with pytest.raises(refusal.error if nothing_done else OrderAlreadyFilledError):
                run(account.wallet.cancel_order(filled, account.symbol))
            seen += 1
        assert seen > 20


@at_venues(TAKING_ORDERS)
@pytest.mark.parametrize("kind", ["status", "malformed", "empty"])
def test_cancel_whose_answer_is_lost_is_looked_at(account: Account, run: Run, kind: Any) -> None:
    order = resting(account)
    account.fake.break_with(kind, path=account.fake.cancel_path, method=account.fake.cancel_method, after=True)
    assert run(account.wallet.cancel_order(order.id, account.symbol))
    assert order.status == "cancelled"


def is_asked_again_after(status: int) -> list[str]:
    """Return the venues that get requests after a refusal with this status: some that limit an address get none."""
    return [name for name in TAKING_ORDERS if status != 429 or not venue_named(name).limits_address]


@pytest.mark.parametrize(
    ("account", "status", "raised"),
    [
        (name, status, raised)
        for status, raised in ((429, RateLimitExceededError), (401, InvalidCredentialsError))
        for name in is_asked_again_after(status)
    ],
    indirect=["account"],
)
def test_cancel_whose_answer_is_lost_is_looked_at_after_its_repeat_is_refused(
    account: Account, run: Run, status: int, raised: type[WalletError]
) -> None:
    where: dict[str, Any] = {"path": account.fake.cancel_path, "method": account.fake.cancel_method}
    order = resting(account)

    def cancel() -> bool:
        account.fake.break_with("status", **where, status=status)
        return run(account.wallet.cancel_order(order.id, account.symbol))

    with pytest.raises(raised):
        cancel()
    account.fake.break_with("status", **where)
    with pytest.raises(raised):
        cancel()
    assert order.status == "open"
    account.fake.break_with("status", **where, after=True)
    assert cancel()
    assert order.status == "cancelled"


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        ("EDatabase:Internal error", UnknownOutcomeError),
        ("EService:Unavailable", UnknownOutcomeError),
        ("ENew:Something new", UnknownOutcomeError),
        ("EAccount:Invalid permissions:STBL trading restricted for NL.", OrderRejectedError),
        ("ETrade:User Locked", OrderRejectedError),
        ("EQuery:Invalid asset pair", InvalidSymbolError),
    ],
)
def test_answer_that_leaves_the_outcome_of_an_order_open_is_no_refusal(
    kraken: Account, run: Run, answer: str, raised: type[WalletError]
) -> None:
    kraken.fake.rewrite("/AddOrder", lambda shown: shown.update(error=[answer]))
    order = OrderRequest(kraken.symbol, OrderSide.BUY, OrderType.MARKET, D("0.01"))
    with pytest.raises(raised) as refused:
        run(kraken.wallet.send_order(order, f"{7:032x}"))
    assert not refused.value.retryable


NORMAL_ORDER: dict[str, Any] = {"side": OrderSide.BUY, "type": OrderType.MARKET, "amount": D("0.01")}
LIMIT_ORDER: dict[str, Any] = {"side": OrderSide.BUY, "type": OrderType.LIMIT, "amount": D("0.01"), "price": D(40000)}
SALE: dict[str, Any] = {"side": OrderSide.SELL, "type": OrderType.MARKET, "amount": D("0.01")}
POST_ONLY_ORDER: dict[str, Any] = LIMIT_ORDER | {"post_only": True}

PAUSES: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    ("kraken", {"status": "cancel_only"}, []),
    ("kraken", {"status": "maintenance"}, []),
    ("kraken", {"status": "post_only"}, [POST_ONLY_ORDER]),
    ("kraken", {"status": "limit_only"}, [LIMIT_ORDER, POST_ONLY_ORDER]),
    ("kraken", {"status": "reduce_only"}, [SALE]),
    ("binance", {"status": "HALT"}, []),
    ("binance", {"status": "BREAK"}, []),
    ("binance", {"status": "AUCTION_MATCH"}, []),
    ("binance", {"status": "CANCEL_ONLY"}, []),
    ("binance", {"isSpotTradingAllowed": False}, []),
    ("coinbase", {"cancel_only": True}, []),
    ("coinbase", {"trading_disabled": True}, []),
    ("coinbase", {"is_disabled": True}, []),
    ("coinbase", {"view_only": True}, []),
    ("coinbase", {"status": "delisted"}, []),
    ("coinbase", {"post_only": True}, [POST_ONLY_ORDER]),
    ("coinbase", {"limit_only": True}, [LIMIT_ORDER, POST_ONLY_ORDER]),
    ("coinbase", {"auction_mode": True}, [LIMIT_ORDER, POST_ONLY_ORDER]),
]


def market_rows(shown: Any) -> dict[str, Any]:
    """Return the rows of any venue's list of markets by the venue's own name."""
    if "symbols" in shown:
        return {row["symbol"]: row for row in shown["symbols"]}
    if "products" in shown:
        return {row["product_id"]: row for row in shown["products"]}
    rows: dict[str, Any] = shown["result"]
    return {row["symbol"]: row for row in rows["list"]} if "list" in rows else rows


def drop_rows(shown: Any, kept: int) -> None:
    """Leave only the first rows of any venue's list of markets."""
    for name in ("symbols", "products"):
        if name in shown:
            del shown[name][kept:]
    if "list" in shown.get("result", {}):
        del shown["result"]["list"][kept:]
    elif "result" in shown:
        for name in list(shown["result"])[kept:]:
            del shown["result"][name]


def market_id(account: Account) -> str:
    async def ask() -> str:
        return (await account.connection.markets())[account.symbol].venue_symbol

    return event_loop.run(ask())


@pytest.mark.parametrize(("name", "pause", "accepted"), PAUSES)
def test_paused_market_stays_known_for_cancelling_reading_and_valuing(
    name: str, pause: dict[str, Any], accepted: list[dict[str, Any]], run: Run
) -> None:
    with account_at(name) as account:
        order, paused = resting(account), market_id(account)
        account.fake.rewrite(account.fake.markets_path, lambda shown: market_rows(shown)[paused].update(pause))
        with opened(account.fake, account.credentials) as later:
            wallet = later.wallet
            for fields in (NORMAL_ORDER, LIMIT_ORDER, POST_ONLY_ORDER, SALE):
                wanted = OrderRequest(account.symbol, **fields)
                if fields in accepted:
                    run(wallet.check_order(wanted))
                    continue
                with pytest.raises(OrderRejectedError) as refused:
                    run(wallet.check_order(wanted))
                assert "cancelled" in refused.value.advice
            assert (account.symbol in {market.symbol for market in run(wallet.get_markets())}) is bool(accepted)
            assert run(wallet.get_market_price(account.symbol)).bid
            assert account.symbol in run(wallet.mids())
            assert [found.order_id for found in run(wallet.get_open_orders())] == [order.id]
            assert run(wallet.get_order_status(order.id, account.symbol)).order_id == order.id
            assert run(wallet.cancel_order(order.id, account.symbol))


@at_venues(TAKING_ORDERS)
def test_order_in_a_market_that_the_venue_no_longer_lists_is_read_and_cancelled(account: Account, run: Run) -> None:
    order, gone = resting(account), market_id(account)

    def leave_out(shown: Any) -> None:
        for name in ("symbols", "products"):
            if name in shown:
                shown[name] = [row for row in shown[name] if row is not market_rows(shown)[gone]]
        if "result" in shown:
            shown["result"].pop(gone, None)

    account.fake.rewrite(account.fake.markets_path, leave_out)
    with opened(account.fake, account.credentials) as later:
        wallet = later.wallet
        assert account.symbol not in {market.symbol for market in run(wallet.get_markets())}
        assert run(wallet.get_order_status(order.id, account.symbol)).symbol == account.symbol
        assert run(wallet.cancel_order(order.id, account.symbol))
        assert run(wallet.get_order_status(order.id, account.symbol)).status is OrderStatus.CANCELLED


PAUSED_EVERYWHERE: dict[str, dict[str, Any]] = {
    "binance": {"status": "BREAK"},
    "coinbase": {"trading_disabled": True},
    "kraken": {"status": "maintenance"},
    "bybit": {"status": "Closed"},
}


@pytest.mark.parametrize("kind", ["every market paused", "empty", "short"])
def test_list_read_during_maintenance_replaces_nothing_for_longer_than_a_minute(
    account: Account, run: Run, database: Database, kind: str
) -> None:
    now = utc_now()
    config = ApiConfig(base_url=account.fake.url, rate_limits={"requests_per_second": 1000})

    def connect() -> VenueConnection:
        store = VenueMarketStore(database)
        return VenueConnection(account.venue, config, store, allow_loopback=True, now=lambda: now)

    def change(shown: Any) -> None:
        if kind == "every market paused":
            for row in market_rows(shown).values():
                row.update(PAUSED_EVERYWHERE[account.fake.name])
        else:
            drop_rows(shown, 0 if kind == "empty" else 1)

    async def offered(connection: VenueConnection) -> set[str]:
        return set(await connection.offered())

    connection = connect()
    every = run(offered(connection))
    assert every == set(account.fake.exchange.listed)
    now += timedelta(minutes=61)
    account.fake.rewrite(account.fake.markets_path, change)
    assert run(offered(connection)) == every
    now += timedelta(minutes=5)
    assert run(offered(connection)) == every
    newly = connect()
    assert run(offered(newly)) == every
    account.fake.mend()
    now += timedelta(minutes=1, seconds=1)
    for each in (connection, newly):
        assert run(offered(each)) == every
        found = run(each.markets())
        assert {symbol for symbol, item in found.items() if item.mode is MarketMode.NORMAL} == every
        run(each.close())


def test_market_that_trades_again_takes_orders_within_a_minute(kraken: Account, run: Run) -> None:
    now = utc_now()
    config = ApiConfig(base_url=kraken.fake.url, rate_limits={"requests_per_second": 1000})
    connection = VenueConnection(kraken.venue, config, allow_loopback=True, now=lambda: now)
    wallet = ExchangeWallet("d", "w", kraken.credentials, {"connection": connection})
    run(wallet.initialize())
    kraken.fake.rewrite("/AssetPairs", lambda shown: shown["result"]["XXBTZUSD"].update(status="cancel_only"))
    order = OrderRequest(kraken.symbol, **NORMAL_ORDER)
    asked = kraken.fake.calls("/AssetPairs")
    for _ in range(3):
        with pytest.raises(OrderRejectedError):
            run(wallet.check_order(order))
    assert kraken.fake.calls("/AssetPairs") == asked + 1
    kraken.fake.mend()
    now += timedelta(seconds=61)
    assert run(wallet.check_order(order)).symbol == kraken.symbol
    run(connection.close())


def test_delisted_market_is_forgotten_after_thirty_days(account: Account, run: Run) -> None:
    now = utc_now()
    config = ApiConfig(base_url=account.fake.url, rate_limits={"requests_per_second": 1000})
    connection = VenueConnection(account.venue, config, allow_loopback=True, now=lambda: now)
    every = set(run(connection.markets()))
    account.fake.rewrite(account.fake.markets_path, lambda shown: drop_rows(shown, len(every) - 1))
    now += timedelta(minutes=61)
    found = run(connection.markets())
    assert set(found) == every
    (gone,) = (symbol for symbol, item in found.items() if item.mode is MarketMode.UNLISTED)
    now += timedelta(days=29)
    assert gone in run(connection.markets())
    now += timedelta(days=2)
    assert set(run(connection.markets())) == every - {gone}
    run(connection.close())


OPEN_ORDERS = {
    "kraken": "/OpenOrders",
    "coinbase": "/historical/batch",
    "binance": "/openOrders",
    "bybit": "/order/realtime",
}
ENDED_ORDERS = {
    "kraken": "/ClosedOrders",
    "coinbase": "/historical/batch",
    "binance": "/allOrders",
    "bybit": "/order/history",
}
PRICES = {"kraken": "/Ticker", "coinbase": "/market/products", "binance": "/bookTicker", "bybit": "/market/tickers"}
BOOKS = {"kraken": "/Depth", "coinbase": "/product_book", "binance": "/depth"}
CANDLES = {"kraken": "/OHLC", "coinbase": "/candles", "binance": "/klines"}
FILLS = {
    "kraken": "/TradesHistory",
    "coinbase": "/historical/fills",
    "binance": "/myTrades",
    "bybit": "/execution/list",
}


def rows_of(shown: Any) -> Any:
    """Return the list or the mapping of rows in any answer of a venue that has one."""
    if isinstance(shown, list):
        return shown
    for name in ("orders", "fills", "products", "accounts", "candles", "balances", "symbols"):
        if name in shown:
            return shown[name]
    found = shown["result"]
    rows = next((found[name] for name in ("open", "closed", "trades", "list") if name in found), found)
    return rows[0]["coin"] if isinstance(rows, list) and rows and rows[0] and "accountType" in rows[0] else rows


def add_rows(account: Account, path: str, *changes: dict[str, Any] | None) -> None:
    """Put rows in front of those that the venue shows: null, and copies of the first with these changes."""

    def add(shown: Any) -> None:
        rows = rows_of(shown)
        if not rows:
            return
        good = next(iter(rows.values() if isinstance(rows, dict) else rows))
        for number, change in enumerate(changes):
            odd = None if change is None else changed(good, change)
            if isinstance(rows, dict):
                rows[f"ODDROW-{number:05d}-AAAAAA"] = odd
            else:
                rows.insert(0, odd)

    account.fake.rewrite(path, add)


def changed(row: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    return row | {name: row[name] | value if isinstance(value, dict) else value for name, value in change.items()}


ODD_ORDERS: dict[str, list[dict[str, Any] | None]] = {
    "bybit": [None, {"symbol": "NOSUCH"}, {"createdTime": None}, {"cumExecQty": "x"}, {"side": None}],
    "kraken": [
        None,
        {"descr": {"ordertype": "trailing-stop-limit"}},
        {"descr": {"ordertype": "settle-position"}},
        {"descr": {"pair": "NOSUCHPAIR"}},
        {"descr": {"price": "+5.0%"}},
        {"descr": None},
        {"opentm": None},
        {"vol_exec": "NaN"},
    ],
    "coinbase": [
        None,
        {"order_type": "BRACKET"},
        {"order_type": "TWAP", "order_configuration": {"twap_limit_gtd": {"base_size": "1"}}},
        {"order_type": "TRAILING_STOP_LOSS"},
        {"product_id": "NO-SUCH"},
        {"created_time": None},
        {"filled_value": ""},
        {"order_configuration": None},
    ],
    "binance": [
        None,
        {"type": "TRAILING_STOP_MARKET"},
        {"symbol": "NOSUCH"},
        {"time": None, "updateTime": None},
        {"executedQty": "x"},
        {"side": None},
    ],
}


@at_venues(ODD_ORDERS)
@pytest.mark.parametrize("ended", [False, True])
def test_odd_order_costs_its_row_and_is_named(
    account: Account, run: Run, caplog: pytest.LogCaptureFixture, *, ended: bool
) -> None:
    order = resting(account)
    if ended:
        account.fake.exchange.cancel(account.account, order)
    odd = ODD_ORDERS[account.fake.name]
    add_rows(account, (ENDED_ORDERS if ended else OPEN_ORDERS)[account.fake.name], *odd)
    calls = len(account.fake.seen)
    symbol = account.symbol if ended and account.venue.history_by_symbol else None
    found = run(account.wallet.get_order_history(symbol) if ended else account.wallet.get_open_orders(symbol))
    assert [item.order_id for item in found] == [order.id]
    assert len(account.fake.seen) <= calls + 3
    named = [record.fields for record in caplog.records if record.message == "rows of a venue left out"]  # type: ignore[attr-defined]
    of_other_markets = 0 if symbol is None else 1
    assert sum(fields["left_out"] for fields in named) == len(odd) - of_other_markets
    assert {fields["venue"] for fields in named} == {account.fake.name}


def test_order_of_an_unknown_type_is_a_final_answer_and_no_failure_of_the_venue(coinbase: Account, run: Run) -> None:
    order = resting(coinbase)
    coinbase.fake.rewrite(f"/historical/{order.id}", lambda shown: shown["order"].update(order_type="BRACKET"))
    for _ in range(6):
        asked = coinbase.fake.calls(order.id)
        with pytest.raises(WalletConnectionError, match="of a kind that this service cannot read"):
            run(coinbase.wallet.get_order_status(order.id, coinbase.symbol))
        assert coinbase.fake.calls(order.id) == asked + 1
    assert run(coinbase.wallet.get_balance())


ODD_BALANCES: dict[str, list[dict[str, Any] | None]] = {
    "kraken": [None, {"balance": None}, {"balance": "x"}, {"balance": "NaN"}],
    "coinbase": [None, {"available_balance": None}, {"hold": {"value": "x"}}, {"available_balance": {"value": None}}],
    "binance": [None, {"asset": "ODD", "free": None}, {"asset": "ODD", "locked": "Infinity"}],
    "bybit": [None, {"coin": "ODD", "walletBalance": None}, {"coin": "ODD", "locked": "x"}, {"spotBorrow": "NaN"}],
}
ODD_PRICES: dict[str, list[dict[str, Any] | None]] = {
    "kraken": [],
    "coinbase": [None, {"price": "x"}, {"price": None}],
    "binance": [None, {"bidPrice": None}, {"askPrice": "x"}],
    "bybit": [None, {"ask1Price": "x"}, {"bid1Price": "NaN"}],
}


@at_venues(ODD_BALANCES)
def test_odd_balance_or_price_costs_its_row(account: Account, run: Run) -> None:
    add_rows(account, account.fake.balances_path, *ODD_BALANCES[account.fake.name])
    add_rows(account, PRICES[account.fake.name], *ODD_PRICES[account.fake.name])
    (held,) = run(account.wallet.get_balance())
    assert held.total == 10_000
    assert {account.symbol, account.other} <= set(run(account.wallet.mids()))


def test_null_price_costs_its_market_only(kraken: Account, run: Run) -> None:
    kraken.fake.rewrite("/Ticker", lambda shown: shown["result"]["XXBTZUSD"].update(b=None))
    assert kraken.symbol not in run(kraken.wallet.mids())
    assert kraken.other in run(kraken.wallet.mids())


ODD_MARKETS: dict[str, list[dict[str, Any] | None]] = {
    "kraken": [None, {"base": None}, {"pair_decimals": None, "tick_size": None}, {"lot_decimals": "x"}],
    "coinbase": [
        None,
        {"product_id": "A-B", "base_increment": "0"},
        {"product_id": "C-D", "base_currency_id": None},
        {"product_id": "E-F", "price_increment": "x"},
    ],
    "binance": [None, {"symbol": None}, {"symbol": "AB", "filters": []}, {"symbol": "CD", "baseAsset": None}],
}


@at_venues(ODD_MARKETS)
def test_odd_market_costs_its_row(account: Account, run: Run) -> None:
    add_rows(account, account.fake.markets_path, *ODD_MARKETS[account.fake.name])
    listed = {market.symbol for market in run(account.wallet.get_markets())}
    assert set(account.fake.exchange.listed) <= listed


ODD_FILLS: dict[str, list[dict[str, Any] | None]] = {
    "bybit": [None, {"execPrice": None}, {"execQty": "x"}, {"execTime": None}, {"side": None}],
    "kraken": [None, {"pair": "NOSUCHPAIR"}, {"price": None}, {"vol": "x"}, {"time": None}, {"type": None}],
    "coinbase": [None, {"product_id": "NO-SUCH"}, {"price": None}, {"size": "x"}, {"trade_time": None}],
    "binance": [None, {"price": None}, {"qty": "x"}, {"time": None}, {"commission": "x"}],
}


@at_venues(ODD_FILLS)
def test_odd_fill_costs_its_row(account: Account, run: Run) -> None:
    account.trade("buy", str(account.level), "50000")
    add_rows(account, FILLS[account.fake.name], *ODD_FILLS[account.fake.name])
    (fill,) = run(account.wallet.get_fills(account.symbol))
    assert (fill.amount, fill.price) == (account.level, D(50000))


@at_venues(CANDLES)
def test_odd_candle_or_price_level_costs_its_row(account: Account, run: Run) -> None:
    def spoil_candles(shown: Any) -> None:
        rows = shown["candles"] if "candles" in shown else shown if isinstance(shown, list) else None
        rows = next(value for value in shown["result"].values() if isinstance(value, list)) if rows is None else rows
        for row, value in ((rows[0], None), (rows[1], "x")):
            row["high" if isinstance(row, dict) else 2] = value
        rows.append(None)

    def spoil_book(shown: Any) -> None:
        book = shown.get("pricebook", shown)
        book = next(iter(shown["result"].values())) if "result" in shown else book
        for side in ("bids", "asks"):
            first, second = book[side][:2]
            first["price" if isinstance(first, dict) else 0] = None
            second["size" if isinstance(second, dict) else 1] = "x"
            book[side].append(None)

    name = account.fake.name
    every = run(account.wallet.get_candles(account.symbol, "1m", 20))
    account.fake.rewrite(CANDLES[name], spoil_candles)
    assert set(run(account.wallet.get_candles(account.symbol, "1m", 5))) <= set(every)
    whole = run(account.wallet.get_snapshot(account.symbol))
    account.fake.rewrite(BOOKS[name], spoil_book)
    shown = run(account.wallet.get_snapshot(account.symbol))
    assert list(shown.bids) == list(whole.bids[2:])
    assert list(shown.asks) == list(whole.asks[2:])


def test_fill_whose_size_is_in_the_quote_asset_keeps_the_numbers_of_the_venue(coinbase: Account, run: Run) -> None:
    name = coinbase.trade("buy", str(coinbase.level), "50000")
    fill = {"size": "99.4035982803486", "price": "37.44", "commission": "0.59642159", "size_in_quote": True}
    order = {"filled_value": "99.4035982803486", "filled_size": "2.65501063"}
    coinbase.fake.rewrite("/historical/fills", lambda shown: shown["fills"][0].update(fill))
    coinbase.fake.rewrite("/historical/batch", lambda shown: shown["orders"][0].update(order))
    (found,) = run(coinbase.wallet.get_fills(coinbase.symbol))
    assert (found.quote, found.price, found.fee) == (D("99.4035982803486"), D("37.44"), D("0.59642159"))
    assert (found.amount, found.fee_currency, found.order_id) == (D("2.65501063"), "USD", name)


def test_fills_in_the_quote_asset_add_up_to_the_amount_of_their_order(coinbase: Account, run: Run) -> None:
    coinbase.trade("buy", str(coinbase.level), "50000")

    def in_three_parts(shown: Any) -> None:
        first = shown["fills"][0] | {"price": "3", "size_in_quote": True}
        shown["fills"] = [first | {"trade_id": f"{number}", "size": "1"} for number in range(3)]

    coinbase.fake.rewrite("/historical/fills", in_three_parts)
    order = {"filled_value": "3", "filled_size": "1"}
    coinbase.fake.rewrite("/historical/batch", lambda shown: shown["orders"][0].update(order))
    found = run(coinbase.wallet.get_fills(coinbase.symbol))
    assert sum(fill.amount for fill in found) == 1
    assert {fill.amount for fill in found} == {D("0.33333333"), D("0.33333334")}


def test_reversal_takes_back_a_fill(coinbase: Account, run: Run) -> None:
    coinbase.trade("buy", str(coinbase.level), "50000")

    def reverse(shown: Any) -> None:
        fill = shown["fills"][0] | {"commission": "2"}
        shown["fills"] = [fill | {"trade_type": "REVERSAL"}, fill | {"trade_type": "FILL"}]

    coinbase.fake.rewrite("/historical/fills", reverse)
    found = run(coinbase.wallet.get_fills(coinbase.symbol))
    assert len({fill.fill_id for fill in found}) == 2
    assert {(fill.side, fill.fee) for fill in found} == {(OrderSide.BUY, D(2)), (OrderSide.SELL, D(-2))}


@pytest.mark.parametrize("flags", ["fciq", "fcib", "fcib,post", ""])
def test_fee_of_an_order_at_kraken_is_in_the_quote_asset(kraken: Account, run: Run, flags: str) -> None:
    name = kraken.trade("buy", "0.01", "50000")

    def change(shown: Any) -> None:
        shown["result"][name].update(oflags=flags, fee="1.3", cost="500.00001", price="50000.00")

    kraken.fake.rewrite("/QueryOrders", change)
    found = run(kraken.wallet.get_order_status(name, kraken.symbol))
    assert (found.fee, found.fee_currency, found.filled_quote) == (D("1.3"), "USD", D("500.00001"))


def test_volume_in_the_quote_asset_is_not_read_as_the_base_amount(kraken: Account, run: Run) -> None:
    order = OrderRequest(kraken.symbol, OrderSide.BUY, OrderType.MARKET, quote_amount=D(500))
    placed = run(kraken.wallet.send_order(order, f"{9:032x}"))
    bought = next(iter(kraken.account.orders.values())).filled
    assert (placed.amount, placed.filled_amount) == (bought, bought)
    assert placed.filled_quote == D(next(iter(kraken.account.orders.values())).quote)


def test_negative_quote_amount_at_binance_is_unknown_and_added_up_from_fills(binance: Account, run: Run) -> None:
    name = binance.trade("buy", "0.01", "50000")
    binance.fake.rewrite("/api/v3/order", lambda shown: shown.update(cummulativeQuoteQty="-1.00000000"))
    found = run(binance.wallet.get_order_status(name, binance.symbol))
    assert (found.filled_amount, found.filled_quote, found.average_fill_price) == (D("0.01"), D(500), D(50000))


@pytest.mark.parametrize(("status", "expected"), [("PENDING_NEW", OrderStatus.OPEN), ("NEW", OrderStatus.OPEN)])
def test_status_at_binance_is_its_own(binance: Account, run: Run, status: str, expected: OrderStatus) -> None:
    order = resting(binance)
    binance.fake.rewrite("/api/v3/order", lambda shown: shown.update(status=status))
    assert run(binance.wallet.get_order_status(order.id, binance.symbol)).status is expected


def balances_shown(account: Account, held: dict[str, str]) -> None:
    """Let the venue show these balances, under the venue's own names."""

    def show(shown: Any) -> None:
        if "accounts" in shown:
            first = shown["accounts"][0]
            shown["accounts"] = [
                first
                | {
                    "type": "ACCOUNT_TYPE_CRYPTO",
                    "available_balance": {"value": value, "currency": name},
                    "hold": {"value": "0", "currency": name},
                }
                for name, value in held.items()
            ]
        elif "balances" in shown:
            shown["balances"] = [{"asset": name, "free": value, "locked": "0"} for name, value in held.items()]
        elif "list" in shown["result"]:
            (account_shown,) = shown["result"]["list"]
            account_shown["coin"] = [{"coin": name, "walletBalance": value} for name, value in held.items()]
        else:
            shown["result"] = {name: {"balance": value, "hold_trade": "0"} for name, value in held.items()}

    account.fake.rewrite(account.fake.balances_path, show)


@pytest.mark.parametrize(
    ("name", "held", "expected"),
    [
        ("kraken", {"XXBT": "1", "ZUSD": "5"}, {"BTC": "1", "USD": "5"}),
        ("kraken", {"XXBT": "1", "XBT": "2", "BTC": "3"}, {"BTC": "1", "BTC.2": "3", "XBT": "2"}),
        ("kraken", {"XXBT": "1", "XBT.M": "2", "XBT.F": "3"}, {"BTC": "1", "BTC.M": "2", "BTC.F": "3"}),
        ("kraken", {"LUNA": "1", "LUNA2": "2"}, {"LUNC": "1", "LUNA": "2"}),
        ("kraken", {"LUNA": "1", "LUNC": "2"}, {"LUNA.2": "1", "LUNC": "2"}),
        ("kraken", {"LUNA": "1", "LUNC": "2", "LUNA2": "3"}, {"LUNA.2": "1", "LUNC": "2", "LUNA": "3"}),
        ("binance", {"BTC": "1", "XBT": "2"}, {"BTC": "1", "XBT": "2"}),
        ("binance", {"XBT": "2"}, {"XBT": "2"}),
        ("binance", {"LDBTC": "2", "BTC": "1"}, {"BTC": "1", "LDBTC": "2"}),
        ("binance", {"BSV": "1", "BCHSV": "2"}, {"BCHSV": "2", "BSV": "1"}),
        ("coinbase", {"CGLD": "1", "CELO": "2"}, {"CGLD": "1", "CELO": "2"}),
        ("coinbase", {"XBT": "1"}, {"XBT": "1"}),
        ("bybit", {"BTC": "1", "XBT": "2"}, {"BTC": "1", "XBT": "2"}),
    ],
)
def test_assets_that_a_venue_keeps_apart_stay_apart(
    name: str, held: dict[str, str], expected: dict[str, str], run: Run
) -> None:
    with account_at(name) as account:
        run(account.wallet.get_markets())
        balances_shown(account, held)
        found = {item.asset: item.total for item in run(account.wallet.get_balance())}
        assert found == {asset: D(total) for asset, total in expected.items()}


def test_markets_of_two_assets_with_one_usual_name_stay_apart(binance: Account, run: Run) -> None:
    def add(shown: Any) -> None:
        first = shown["symbols"][0]
        for base in ("BSV", "BCHSV"):
            shown["symbols"].append(first | {"symbol": f"{base}USDT", "baseAsset": base})

    binance.fake.rewrite("/exchangeInfo", add)
    listed = run(binance.connection.markets())
    assert {
        symbol: item.venue_symbol for symbol, item in listed.items() if "BSV" in item.venue_symbol or "BCHSV" in symbol
    } == {
        "BSV/USDT": "BSVUSDT",
        "BCHSV/USDT": "BCHSVUSDT",
    }


def test_step_of_the_price_is_krakens_own(kraken: Account, run: Run) -> None:
    kraken.fake.rewrite("/AssetPairs", lambda shown: shown["result"]["XXBTZUSD"].update(tick_size="0.5"))
    assert run(kraken.wallet.market(kraken.symbol)).tick_size == D("0.5")


@at_venues(["coinbase", "kraken"])
def test_order_that_cannot_be_read_is_not_taken_for_one_that_was_never_placed(account: Account, run: Run) -> None:
    resting(account)
    spoil = {"kraken": {"descr": None}, "coinbase": {"order_configuration": None}}[account.fake.name]
    assert run(find(account, seconds=5))["id"]
    for path in {OPEN_ORDERS[account.fake.name], ENDED_ORDERS[account.fake.name]}:
        account.fake.rewrite(path, lambda shown: spoil_rows(shown, spoil))
    with pytest.raises(WalletConnectionError):
        run(find(account, seconds=0.2))


def spoil_rows(shown: Any, change: dict[str, Any]) -> None:
    rows = rows_of(shown)
    for row in rows.values() if isinstance(rows, dict) else rows:
        row.update(change)


async def find(account: Account, seconds: float) -> Any:
    """Look for the first order by its client id, for at most this long."""

    async def ask(client: Any) -> Any:
        found = await account.venue.find(client, f"{1:032x}", account.symbol)
        return account.wallet.history.readable_one(found, account.symbol)

    await account.connection.markets()
    return await account.connection.read(account.connection.client(account.credentials), ask, seconds)


ORDER_OF_A_FILL = {"kraken": "ordertxid", "coinbase": "order_id", "binance": "orderId", "bybit": "orderId"}


def hide_fill(account: Account, order_id: str) -> None:
    """Show null in place of the fill of this order."""

    def hide(shown: Any) -> None:
        rows = rows_of(shown)
        for at, row in list(rows.items() if isinstance(rows, dict) else enumerate(rows)):
            if row and str(row[ORDER_OF_A_FILL[account.fake.name]]) == order_id:
                rows[at] = None

    account.fake.rewrite(FILLS[account.fake.name], hide)


def test_odd_fill_of_a_full_page_does_not_end_the_history(account: Account, run: Run) -> None:
    exchange, count, amount = account.fake.exchange, account.venue.most_fills + 30, min(account.level, D("0.001"))
    base, quote = account.symbol.split("/")
    account.account.free[quote] = D(1_000_000)
    begin, present = utc_now() - timedelta(hours=1), exchange.now
    orders = []
    for number in range(count):
        at = int((begin + timedelta(seconds=1 + number)).timestamp() * 1000)
        exchange.now = lambda at=at: at  # type: ignore[method-assign,misc]
        orders.append(account.trade("buy", str(amount), "50000"))
    exchange.now = present  # type: ignore[method-assign]
    hide_fill(account, orders[-100])
    opening = PreviousSync({quote: D(1_000_000)}, AssetFlows(1, begin, {quote: Flow(transferred=D(1_000_000))}))

    looks = 0
    while looks == 0 or (opening.asset_flows is not None and opening.asset_flows.behind and looks < 4):
        looks += 1
        found = run(account.wallet.statement(opening))
        opening = PreviousSync({held.asset: held.total for held in found.value.assets}, found.asset_flows)

    assert opening.totals[base] == count * amount
    if account.venue.newest_fills:
        assert opening.asset_flows is None
        return
    assert opening.asset_flows is not None
    assert opening.asset_flows.flows[base].traded == (count - 1) * amount


@pytest.mark.parametrize("tells_time", [True, False])
def test_full_page_of_unreadable_fills_does_not_end_the_history(
    account: Account, run: Run, caplog: pytest.LogCaptureFixture, *, tells_time: bool
) -> None:
    if account.venue.newest_fills:
        pytest.skip("this venue gives the newest fills, so a full page is never read on")
    exchange, most, amount = account.fake.exchange, account.venue.most_fills, min(account.level, D("0.001"))
    base, quote = account.symbol.split("/")
    account.account.free[quote] = D(1_000_000)
    begin, present = utc_now() - timedelta(hours=1), exchange.now
    orders = []
    for number in range(2 * most + 10):
        at = int((begin + timedelta(seconds=1 + number)).timestamp() * 1000)
        exchange.now = lambda at=at: at  # type: ignore[method-assign,misc]
        orders.append(account.trade("buy", str(amount), "50000"))
    exchange.now = present  # type: ignore[method-assign]
    odd = set(orders[: most + 5])
    spoiled = {"price": "x", "execPrice": "x"} if tells_time else {"time": None, "execTime": None}

    def spoil(shown: Any) -> None:
        rows = rows_of(shown)
        for row in rows.values() if isinstance(rows, dict) else rows:
            if str(row[ORDER_OF_A_FILL[account.fake.name]]) in odd:
                row.update({name: value for name, value in spoiled.items() if name in row})

    account.fake.rewrite(FILLS[account.fake.name], spoil)
    opening = PreviousSync({quote: D(1_000_000)}, AssetFlows(1, begin, {quote: Flow(transferred=D(1_000_000))}))
    seen: list[PreviousSync] = []
    while not seen or (opening.asset_flows is not None and opening.asset_flows.behind and len(seen) < 5):
        found = run(account.wallet.statement(opening))
        opening = PreviousSync({held.asset: held.total for held in found.value.assets}, found.asset_flows)
        seen.append(opening)

    if not tells_time:
        assert opening.asset_flows is None
        return
    assert opening.asset_flows is not None
    assert not opening.asset_flows.behind
    assert opening.asset_flows.flows[base].traded == (most + 5) * amount
    named = {name for record in caplog.records for name in getattr(record, "fields", {}).get("named", ())}
    assert len(named) == len(odd)


def test_answer_without_a_list_of_fills_is_no_empty_list(account: Account, run: Run) -> None:
    run(account.wallet.get_markets())
    account.fake.break_with("empty", path=FILLS[account.fake.name], times=None)

    async def ask(client: Any) -> Any:
        return await account.venue.fills(client, account.symbol, None, None)

    with pytest.raises(WalletConnectionError):
        run(account.connection.read(account.connection.client(account.credentials), ask, seconds=0.2))


def test_odd_order_of_a_mapping_costs_its_row(kraken: Account, run: Run) -> None:
    order = resting(kraken)
    run(kraken.wallet.get_markets())

    async def ask(client: Any) -> Any:
        shown = (await client.privatePostOpenOrders())["result"]["open"]
        return client.parse_orders({"ODDROW-00000-AAAAAA": None, **shown, "ODDROW-00001-AAAAAA": "x"})

    found = run(kraken.connection.read(kraken.connection.client(kraken.credentials), ask, seconds=0.2))
    assert [item["id"] for item in found] == [order.id]


@pytest.mark.parametrize("odd", [None, "x", {}, {"order_id": ["x"]}], ids=str)
def test_odd_order_of_a_fill_in_the_quote_asset_costs_no_fill(coinbase: Account, run: Run, odd: Any) -> None:
    coinbase.trade("buy", str(coinbase.level), "50000")
    fill = {"size": "99.4035982803486", "price": "37.44", "size_in_quote": True}
    order = {"filled_value": "99.4035982803486", "filled_size": "2.65501063"}
    coinbase.fake.rewrite("/historical/fills", lambda shown: shown["fills"][0].update(fill))
    coinbase.fake.rewrite("/historical/batch", lambda shown: shown["orders"][0].update(order))
    coinbase.fake.rewrite("/historical/batch", lambda shown: shown["orders"].append(odd))
    (found,) = run(coinbase.wallet.get_fills(coinbase.symbol))
    assert (found.quote, found.amount) == (D("99.4035982803486"), D("2.65501063"))


@pytest.mark.parametrize("odd", [None, "x", "NaN", "Infinity", ["x"]], ids=str)
@pytest.mark.parametrize(("name", "field"), [("kraken", "time"), ("bybit", "execTime")])
def test_odd_time_of_a_fill_costs_its_row(name: str, field: str, odd: Any, run: Run) -> None:
    with account_at(name) as account:
        orders = [account.trade("buy", "0.001", "50000") for _ in range(60)]

        def spoil(shown: Any) -> None:
            rows = rows_of(shown)
            for row in rows.values() if isinstance(rows, dict) else rows:
                if row[ORDER_OF_A_FILL[name]] == orders[-1]:
                    row[field] = odd

        account.fake.rewrite(FILLS[name], spoil)
        found = run(account.wallet.get_fills(account.symbol, utc_now() - timedelta(hours=1)))
        assert [fill.order_id for fill in found] == orders[:-1]


def test_order_that_coinbase_placed_is_not_refused_by_an_empty_reason(coinbase: Account, run: Run) -> None:
    coinbase.fake.rewrite(coinbase.fake.orders_path, lambda shown: shown.update(error_response={}))
    order = OrderRequest(coinbase.symbol, OrderSide.BUY, OrderType.MARKET, D("0.01"))
    assert run(coinbase.wallet.send_order(order, f"{7:032x}")).status is OrderStatus.FILLED


def test_answer_of_coinbase_that_is_neither_success_nor_refusal_leaves_the_outcome_open(
    coinbase: Account, run: Run
) -> None:
    def blur(shown: Any) -> None:
        shown.clear()
        shown["error_response"] = {}

    coinbase.fake.rewrite(coinbase.fake.orders_path, blur)
    order = OrderRequest(coinbase.symbol, OrderSide.BUY, OrderType.MARKET, D("0.01"))
    with pytest.raises(UnknownOutcomeError):
        run(coinbase.wallet.send_order(order, f"{7:032x}"))


UNKNOWN_ORDER_ANSWERS = {
    "coinbase": (404, {"error": "NOT_FOUND"}),
    "kraken": (200, {"error": ["EOrder:Unknown order"]}),
}


@pytest.mark.parametrize("name", UNKNOWN_ORDER_ANSWERS)
def test_list_that_is_not_found_does_not_prove_that_an_order_was_never_placed(name: str, run: Run) -> None:
    with account_at(name) as account:
        resting(account)
        status, body = UNKNOWN_ORDER_ANSWERS[name]
        path = OPEN_ORDERS[name]
        account.fake.break_with("status", path=path, status=status, body=json.dumps(body), times=None)
        with pytest.raises(WalletConnectionError):
            run(account.wallet.find_order(f"{1:032x}", account.symbol))
        account.fake.mend()
        assert run(account.wallet.find_order(f"{1:032x}", account.symbol))
        assert run(account.wallet.find_order(f"{2:032x}", account.symbol)) is None


def test_order_whose_fills_are_not_found_was_placed_all_the_same(kraken: Account, run: Run) -> None:
    order = OrderRequest(kraken.symbol, OrderSide.BUY, OrderType.MARKET, quote_amount=D(500))
    run(kraken.wallet.send_order(order, f"{9:032x}"))
    body = json.dumps({"error": ["EOrder:Unknown order"]})
    kraken.fake.break_with("status", path="/QueryOrders", status=200, body=body, times=None)
    with pytest.raises(WalletConnectionError):
        run(kraken.wallet.find_order(f"{9:032x}", kraken.symbol))


def test_market_that_is_left_out_as_a_duplicate_is_named_in_plain_letters(
    binance: Account, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    odd = "BTCUSDT\x1b[2J\n" + "ü" * 500

    def add(shown: Any) -> None:
        shown["symbols"].append(shown["symbols"][0] | {"symbol": odd})

    binance.fake.rewrite("/exchangeInfo", add)
    run(binance.wallet.get_markets())
    (left_out,) = [record.fields for record in caplog.records if record.message == "rows of a venue left out"]  # type: ignore[attr-defined]
    (name,) = left_out["named"]
    assert name.startswith("BTCUSDT")
    assert len(name) <= 60
    assert name.isascii()
    assert name.isprintable()


@pytest.mark.parametrize(("name", "key"), [("binance", "symbol"), ("bybit", "symbol"), ("coinbase", "product_id")])
@pytest.mark.parametrize("odd", [None, ["x"], {"x": 1}], ids=str)
def test_price_of_a_market_with_an_odd_name_costs_its_row(name: str, key: str, odd: Any, run: Run) -> None:
    with account_at(name) as account:
        run(account.wallet.get_markets())

        def add(shown: Any) -> None:
            rows = rows_of(shown)
            rows.insert(0, rows[0] | {key: odd})

        account.fake.rewrite(PRICES[name], add)
        assert {account.symbol, account.other} <= set(run(account.wallet.mids()))
