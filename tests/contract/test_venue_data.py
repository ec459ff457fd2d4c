"""What a venue says is data about money: its own numbers, read as it documents them, and one odd row costs that row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import (
    ConflictError,
    InvalidSymbolError,
    OrderAlreadyFilledError,
    OrderRejectedError,
    UnknownOutcomeError,
    WalletConnectionError,
    WalletError,
)
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.storage.market.venue_markets import VenueMarketStore
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Database, Run
from tests.support.venues.exchange import Ticket
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named
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


@pytest.mark.parametrize("kind", ["status", "malformed", "empty"])
def test_cancel_whose_answer_is_lost_is_looked_at(account: Account, run: Run, kind: Any) -> None:
    if not account.venue.order_types:
        pytest.skip("wallets of this venue only read")
    order = resting(account)
    account.fake.break_with(kind, path=account.fake.cancel_path, method=account.fake.cancel_method, after=True)
    assert run(account.wallet.cancel_order(order.id, account.symbol))
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
    return rows


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


def test_order_in_a_market_that_the_venue_no_longer_lists_is_read_and_cancelled(account: Account, run: Run) -> None:
    if not account.venue.order_types:
        pytest.skip("wallets of this venue only read")
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
