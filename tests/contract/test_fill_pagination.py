"""When a venue has more fills than one response holds, no fill is lost and none is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.exchange import Account, Ticket
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue

FILLS = 2200
FEW_FILLS = 900
"""At a venue that gives the newest fills: more than it gives at once are not read on."""
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
EACH = timedelta(milliseconds=350)


class VenueHarness:
    """An account with past trades, and a service whose clock is at that time."""

    def __init__(self, name: str, fake: FakeVenue) -> None:
        self.fake, self.now, self.random = fake, BEGIN, Random(name)
        self.rules = venue_named(name)
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 100000})
        self.connection = VenueConnection(self.rules, config, allow_loopback=True)
        cash = next(iter(fake.exchange.listed)).partition("/")[2]
        credentials = fake.credentials(balances={cash: "1000000", "BTC": "50", "ETH": "50"})
        self.account: Account = fake.exchange.accounts[credentials["api_key"]]
        settings = {"connection": self.connection, "clock": lambda: self.now}
        self.wallet = ExchangeWallet("definition", "wallet", credentials, settings)

    def trade(self, fills: int) -> None:
        """Buy and sell in both markets, several within one millisecond at times."""
        exchange, size = self.fake.exchange, Decimal("0.01")
        present, exchange.now = exchange.now, lambda: int(self.now.timestamp() * 1000)  # type: ignore[method-assign]
        while sum(len(order.fills) for order in self.account.orders.values()) < fills:
            symbol, side = self.random.choice(list(exchange.listed)[:2]), self.random.choice(("buy", "sell"))
            name = str(len(self.account.orders))
            exchange.place(self.account, Ticket(name, symbol, side, "market", size))
            self.now += EACH if self.random.random() < 0.8 else timedelta(0)
        exchange.now = present  # type: ignore[method-assign]

    @property
    def fills(self) -> int:
        """How many fills the account makes: more than one response holds, if the venue gives the first ones."""
        return FEW_FILLS if self.rules.newest_fills else FILLS

    @property
    def statements(self) -> int:
        """How many statements it takes to read them. Where the venue lists one symbol, each has its own responses."""
        return self.fills // (self.rules.most_fills * (2 if self.rules.history_by_symbol else 1)) + 1

    def balanced(self, said: AccountStatement) -> bool:
        """Return whether the asset flows since the account was empty add up to its holdings."""
        assert said.asset_flows is not None
        held = {asset.asset: asset.total for asset in said.value.assets}
        left = {asset: flow.traded - flow.fees + flow.transferred for asset, flow in said.asset_flows.flows.items()}
        return held == {asset: amount for asset, amount in left.items() if amount}


@pytest.fixture(params=sorted(FAKES))
def harness(request: pytest.FixtureRequest) -> Iterator[VenueHarness]:
    with FAKES[request.param]() as fake:
        harness = VenueHarness(request.param, fake)
        yield harness
        event_loop.run(harness.connection.close())


def test_statement_resumes_where_the_previous_one_stopped(harness: VenueHarness, run: Run) -> None:
    async def looks() -> list[AccountStatement]:
        await harness.wallet.initialize()
        said = [await harness.wallet.statement(PreviousSync({}, None))]
        harness.now += EACH
        harness.trade(harness.fills)
        while len(said) == 1 or (said[-1].asset_flows is not None and said[-1].asset_flows.behind):
            harness.now += timedelta(minutes=5)
            totals = {asset.asset: asset.total for asset in said[-1].value.assets}
            said.append(await harness.wallet.statement(PreviousSync(totals, said[-1].asset_flows)))
        return said

    first, *later = run(looks())
    assert harness.balanced(first)
    assert [harness.balanced(said) for said in later] == [False] * (len(later) - 1) + [True]
    assert len(later) == harness.statements
    untils = [said.asset_flows.until for said in (first, *later) if said.asset_flows is not None]
    assert untils == sorted(set(untils))


def test_fills_of_one_order_are_found_among_many(harness: VenueHarness, run: Run) -> None:
    harness.trade(300)
    symbol = next(iter(harness.fake.exchange.listed))
    wanted = next(order for order in harness.account.orders.values() if order.symbol == symbol)

    async def ask() -> Decimal:
        await harness.wallet.initialize()
        fills = await harness.wallet.get_fills(symbol, BEGIN, order_id=wanted.id)
        return sum((fill.amount for fill in fills if fill.order_id == wanted.id), Decimal(0))

    assert run(ask()) == wanted.filled
