"""What a venue says is data about money: its own numbers, read as it documents them, and one odd row costs that row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
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
