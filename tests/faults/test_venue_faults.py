"""Failures of a venue, through the real CCXT and a fake venue: nothing is lost, sent twice, or disclosed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import (
    InvalidCredentialsError,
    InvalidOrderError,
    RateLimitExceededError,
    TemporarilyUnavailableError,
    UnknownOutcomeError,
    WalletConnectionError,
)
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.venue import Venue
from moniqo_core.venues.transport import venue_calls
from moniqo_core.venues.transport.circuit_breaker import FAILURES, CircuitBreaker
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.exchange import Account, Ticket
from tests.support.venues.fakes import FAKES
from tests.support.venues.rules import TAKING_ORDERS, venue_named, venues_where
from tests.support.venues.server import FakeVenue

ID = venue_client_id("wallet", "mine")


@dataclass
class VenueHarness:
    """An account at a fake venue."""

    fake: FakeVenue
    venue: Venue
    connection: VenueConnection
    credentials: dict[str, str]
    wallet: ExchangeWallet

    @property
    def account(self) -> Account:
        return self.fake.exchange.accounts[self.credentials["api_key"]]

    @property
    def symbol(self) -> str:
        return next(iter(self.fake.exchange.listed))

    def order(self, **fields: Any) -> OrderRequest:
        given = {"symbol": self.symbol, "side": OrderSide.BUY, "type": OrderType.MARKET, "amount": Decimal("0.01")}
        return OrderRequest(**{**given, **fields})


@pytest.fixture(params=sorted(FAKES))
def harness(request: pytest.FixtureRequest, run: Run) -> Iterator[VenueHarness]:
    """A new account at each venue in turn, with its markets loaded."""
    with FAKES[request.param]() as fake:
        venue = venue_named(request.param)
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(venue, config, allow_loopback=True)
        credentials = fake.credentials()
        wallet = ExchangeWallet("definition", "wallet", credentials, {"connection": connection})
        run(wallet.initialize())
        run(wallet.get_markets())
        yield VenueHarness(fake, venue, connection, credentials, wallet)
        event_loop.run(connection.close())


def at_venues(names: Iterable[str]) -> pytest.MarkDecorator:
    """Make a test for these venues alone."""
    return pytest.mark.parametrize("harness", names, indirect=True)


needs_orders = at_venues(TAKING_ORDERS)

AFTER: dict[str, dict[str, Any]] = {
    "500 after acceptance": {"kind": "status", "status": 500, "after": True},
    "503 after acceptance": {"kind": "status", "status": 503, "after": True},
    "dropped after acceptance": {"kind": "drop", "after": True},
    "no answer after acceptance": {"kind": "hang", "after": True},
    "broken answer after acceptance": {"kind": "malformed", "after": True},
    "empty answer after acceptance": {"kind": "empty", "after": True},
    "slow drip after acceptance": {"kind": "drip", "after": True},
    "500 before": {"kind": "status", "status": 500},
    "dropped before": {"kind": "drop"},
}


@pytest.mark.parametrize("name", sorted(AFTER))
@needs_orders
def test_order_with_lost_answer_is_sent_once_and_found_later(
    harness: VenueHarness, run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_calls, "SEND_SECONDS", 0.5)
    path = harness.fake.orders_path
    harness.fake.break_with(path=path, method="POST", **AFTER[name])
    before = harness.fake.calls(path, "POST")
    with pytest.raises(UnknownOutcomeError):
        run(harness.wallet.send_order(harness.order(), ID))
    assert harness.fake.calls(path, "POST") == before + 1
    found = run(harness.wallet.find_order(ID, harness.symbol))
    if "after" in name:
        assert found is not None
        assert (found.status, found.filled_amount) == (OrderStatus.FILLED, Decimal("0.01"))
        assert [order.id for order in harness.account.orders.values()] == [found.order_id]
    else:
        assert found is None
        assert not harness.account.orders


@needs_orders
def test_order_that_was_never_sent_raises_a_connection_error(harness: VenueHarness, run: Run) -> None:
    harness.fake.stop()
    with pytest.raises(WalletConnectionError) as refused:
        run(harness.wallet.send_order(harness.order(), ID))
    assert not isinstance(refused.value, UnknownOutcomeError)


@at_venues(venues_where(lambda venue: venue.order_types and not venue.answers_whole_order))
def test_placed_order_that_cannot_be_read_stays_unknown_and_is_found_later(harness: VenueHarness, run: Run) -> None:
    harness.fake.break_with("status", path=harness.fake.order_path, status=401, times=None)
    order = run(harness.wallet.send_order(harness.order(), ID))
    assert (order.status, order.client_order_id) == (OrderStatus.UNKNOWN, ID)
    harness.fake.mend()
    assert run(harness.wallet.get_order_status(order.order_id, harness.symbol)).status is OrderStatus.FILLED


@pytest.mark.parametrize("kind", ["status", "drop", "malformed", "empty"])
def test_failed_read_is_retried_while_time_remains(harness: VenueHarness, run: Run, kind: Any) -> None:
    harness.fake.break_with(kind, path=harness.fake.balances_path, times=2)
    (held,) = run(harness.wallet.get_balance())
    assert held.total == 10000


@pytest.mark.parametrize("kind", ["hang", "drip", "malformed", "empty"])
def test_failing_read_raises_in_time_and_never_returns_an_empty_balance(
    harness: VenueHarness, run: Run, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_calls, "ANSWER_SECONDS", 0.2)
    harness.fake.break_with(kind, path=harness.fake.balances_path, times=None)
    started = time.monotonic()
    with pytest.raises((WalletConnectionError, TemporarilyUnavailableError)):
        run(harness.connection.read(harness.connection.client(harness.credentials), harness.venue.balance, seconds=1))
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("status", [429, 418])
def test_rate_limited_call_is_not_retried(harness: VenueHarness, run: Run, status: int) -> None:
    path = harness.fake.balances_path
    harness.fake.break_with("status", path=path, status=status, headers={"Retry-After": "77"}, times=None)
    with pytest.raises(RateLimitExceededError) as refused:
        run(harness.wallet.get_balance())
    assert refused.value.retry_after == 77
    assert harness.fake.calls(path) == 1


def test_key_revoked_after_use_is_an_invalid_credential(harness: VenueHarness, run: Run) -> None:
    run(harness.wallet.get_balance())
    harness.account.revoked = True
    with pytest.raises(InvalidCredentialsError):
        run(harness.wallet.get_balance())
    assert run(harness.wallet.test_connection()) == (False, "Invalid credentials")


def test_key_permissions_are_read_and_withdrawal_is_refused(harness: VenueHarness, run: Run) -> None:
    allowed = run(harness.wallet.account.key_permissions())
    assert allowed is not None
    assert (allowed.can_read, allowed.can_trade, allowed.can_withdraw) == (True, True, False)
    run(harness.wallet.require_connection())
    harness.account.can_trade, harness.account.can_withdraw = False, True
    allowed = run(harness.wallet.account.key_permissions())
    assert allowed is not None
    assert (allowed.can_read, allowed.can_trade, allowed.can_withdraw) == (True, False, True)
    with pytest.raises(InvalidCredentialsError, match="can withdraw") as refused:
        run(harness.wallet.require_connection())
    assert refused.value.advice == harness.venue.key_hint


@at_venues(venues_where(lambda venue: venue.adjusts_clock))
def test_clock_difference_is_learnt_from_the_venue(harness: VenueHarness, run: Run) -> None:
    harness.fake.exchange.skew_ms = -120_000
    assert run(harness.wallet.get_balance())
    if harness.venue.order_types:
        order = run(harness.wallet.send_order(harness.order(), ID))
        assert order.status is OrderStatus.FILLED


def test_redirect_is_not_followed(harness: VenueHarness, run: Run) -> None:
    with FAKES[harness.venue.exchange]() as elsewhere:
        harness.fake.break_with("redirect", path=harness.fake.balances_path, body=elsewhere.url, times=None)
        with pytest.raises(WalletConnectionError):
            run(harness.wallet.get_balance())
        assert elsewhere.seen == []


def test_circuit_opens_when_the_venue_fails_for_several_accounts(harness: VenueHarness, run: Run) -> None:
    path = harness.fake.balances_path
    harness.fake.break_with("status", path=path, status=500, times=None)
    for _ in range(FAILURES):
        client = harness.connection.client(harness.fake.credentials())
        with pytest.raises((WalletConnectionError, TemporarilyUnavailableError)):
            run(harness.connection.read(client, harness.venue.balance, seconds=0.2))
    asked = harness.fake.calls(path)
    with pytest.raises(TemporarilyUnavailableError) as refused:
        run(harness.wallet.get_balance())
    assert refused.value.retry_after
    assert harness.fake.calls(path) == asked


@needs_orders
def test_unsupported_order_type_is_refused_with_the_offered_types(harness: VenueHarness, run: Run) -> None:
    order = harness.order(type=OrderType.TRAILING_STOP, side=OrderSide.SELL, trail_percent=Decimal(3))
    with pytest.raises(
        InvalidOrderError, match=r"does not offer trailing_stop orders\. It offers limit, market"
    ) as refused:
        run(harness.wallet.check_order(order))
    assert refused.value.members["offered"] == sorted(harness.venue.order_types)
    assert not harness.account.orders


@needs_orders
def test_stop_orders_rest_and_trigger_at_the_venue(harness: VenueHarness, run: Run) -> None:
    run(harness.wallet.send_order(harness.order(amount=Decimal("0.02")), ID))
    stop = {"side": OrderSide.SELL, "type": OrderType.STOP_LIMIT}
    prices = {"stop_price": Decimal(45000), "price": Decimal(44000)}
    placed = run(harness.wallet.send_order(harness.order(**stop, **prices), venue_client_id("wallet", "stop")))
    assert (placed.status, placed.order_type, placed.price) == (
        OrderStatus.OPEN,
        OrderType.STOP_LIMIT,
        Decimal(44000),
    )
    harness.fake.exchange.move(harness.symbol, Decimal(44900))
    filled = run(harness.wallet.get_order_status(placed.order_id, harness.symbol))
    assert (filled.status, filled.filled_amount) == (OrderStatus.FILLED, Decimal("0.01"))
    fills = run(harness.wallet.get_fills(harness.symbol))
    assert {fill.order_id for fill in fills} == {order.id for order in harness.account.orders.values()}
    assert sum(fill.quote for fill in fills if fill.order_id == placed.order_id) == filled.filled_quote


@pytest.mark.parametrize("status", [451, 429])
def test_stale_markets_are_used_and_refreshed_once_a_minute_on_failure(
    harness: VenueHarness, run: Run, status: int
) -> None:
    now = utc_now()
    connection = VenueConnection(
        harness.venue,
        ApiConfig(base_url=harness.fake.url),
        allow_loopback=True,
        now=lambda: now,
        circuit_breaker=CircuitBreaker(lambda: 0),
    )
    path = harness.fake.markets_path

    async def look() -> int:
        asked = harness.fake.calls(path)
        assert harness.symbol in await connection.markets()
        return harness.fake.calls(path) - asked

    assert (run(look()), run(look())) == (1, 0)
    harness.fake.break_with("status", path=path, status=status, times=None)
    now += timedelta(minutes=61)
    assert (run(look()), run(look())) == (1, 0)
    harness.fake.mend()
    now += timedelta(seconds=61)
    run(look())
    now += timedelta(minutes=59)
    assert run(look()) == 0
    run(connection.close())


def test_order_book_is_sorted_numerically(harness: VenueHarness, run: Run) -> None:
    harness.fake.exchange.prices[harness.symbol] = Decimal("10000.0")
    shown = run(harness.wallet.get_snapshot(harness.symbol))
    bids, asks = [level.price for level in shown.bids], [level.price for level in shown.asks]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < 10000 < asks[0]


@needs_orders
def test_quote_amount_order_spends_at_most_that_amount(harness: VenueHarness, run: Run) -> None:
    order = run(harness.wallet.send_order(harness.order(amount=None, quote_amount=Decimal(500)), ID))
    assert order.status is OrderStatus.FILLED
    assert 499 < order.filled_quote <= 500


def test_no_secret_is_logged_or_shown_on_failure(
    harness: VenueHarness, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    told = []
    client = harness.connection.client(harness.credentials)
    with caplog.at_level(logging.DEBUG):
        for kind in ("status", "drop", "malformed"):
            harness.fake.break_with(kind, times=None, path=harness.fake.balances_path, body="canary")
            with pytest.raises((WalletConnectionError, TemporarilyUnavailableError)) as refused:
                run(harness.connection.read(client, harness.venue.balance, seconds=0.2))
            told.append(f"{refused.value!r} {refused.value.detail} {refused.value.__cause__!r} {harness.wallet!r}")
            harness.fake.mend()
    everything = caplog.text + " ".join(told)
    assert "venue refused" in everything
    assert "canary" not in everything
    for secret in harness.credentials.values():
        assert secret not in everything
        assert secret.splitlines()[-2 % len(secret.splitlines())] not in everything


def test_too_many_coinbase_fills_keep_the_balance_and_restart_asset_flows(run: Run) -> None:
    async def work(fake: FakeCoinbase) -> tuple[list[AccountStatement], int]:
        connection = VenueConnection(venue_named("coinbase"), ApiConfig(base_url=fake.url), allow_loopback=True)
        credentials = fake.credentials(balances={"USD": "1000000"})
        wallet = ExchangeWallet("definition", "wallet", credentials, {"connection": connection})
        await wallet.initialize()
        said = [await wallet.statement(PreviousSync({}, None))]
        for number in range(1100):
            ticket = Ticket(str(number), "BTC/USD", "buy", "market", Decimal("0.001"))
            fake.exchange.place(fake.exchange.accounts[credentials["api_key"]], ticket)
        for _ in range(2):
            totals = {held.asset: held.total for held in said[-1].value.assets}
            said.append(await wallet.statement(PreviousSync(totals, said[-1].asset_flows)))
        await connection.close()
        return said, fake.calls("/historical/fills")

    with FakeCoinbase() as fake:
        (_, cut_off, anew), pages = run(work(fake))
    totals = {held.asset: held.total for held in cut_off.value.assets}
    assert totals["BTC"] == Decimal("1.1")
    assert (cut_off.asset_flows, pages) == (None, 4)
    assert anew.asset_flows is not None
    flows = anew.asset_flows.flows.items()
    assert {asset: flow.traded - flow.fees + flow.transferred for asset, flow in flows} == totals
