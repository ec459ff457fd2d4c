"""What a venue says is data about money: its own numbers, read as it documents them, and one odd row costs that row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.errors import (
    ConflictError,
    InvalidSymbolError,
    OrderAlreadyFilledError,
    OrderRejectedError,
    UnknownOutcomeError,
    WalletConnectionError,
    WalletError,
)
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.exchange import Ticket
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue

D = Decimal


class Account:
    """An account at a fake venue, whose answers a test may change."""

    def __init__(self, fake: FakeVenue) -> None:
        self.fake = fake
        self.venue = venue_named(fake.name)
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        self.connection = VenueConnection(self.venue, config, allow_loopback=True)
        self.credentials = fake.credentials()
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


def account_at(name: str, run: Run) -> Iterator[Account]:
    with FAKES[name]() as fake:
        opened = Account(fake)
        run(opened.wallet.initialize())
        yield opened
        event_loop.run(opened.connection.close())


@pytest.fixture(params=sorted(FAKES))
def account(request: pytest.FixtureRequest, run: Run) -> Iterator[Account]:
    """A new account at each venue in turn."""
    yield from account_at(request.param, run)


@pytest.fixture
def kraken(run: Run) -> Iterator[Account]:
    yield from account_at("kraken", run)


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
def coinbase(run: Run) -> Iterator[Account]:
    yield from account_at("coinbase", run)


@pytest.fixture
def binance(run: Run) -> Iterator[Account]:
    yield from account_at("binance", run)


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
