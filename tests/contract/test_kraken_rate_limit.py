"""Kraken counts the calls of each API key. An account never makes more calls than Kraken allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import RateLimitExceededError, WalletConnectionError
from moniqo_core.domain.portfolio.balance_equation import AssetFlows
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.kraken import Kraken
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.venues.transport import circuit_breaker, venue_calls
from moniqo_core.venues.transport.rate_limiter import LONGEST_WAIT, RateLimiter
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.fake_time import FakeClock
from tests.support.venues.exchange import Account, Ticket
from tests.support.venues.kraken import FakeKraken

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def watch() -> FakeClock:
    return FakeClock()


@pytest.fixture
def fake(watch: FakeClock) -> Iterator[FakeKraken]:
    with FakeKraken(clock=watch) as fake:
        yield fake


@pytest.fixture
def connection(fake: FakeKraken, watch: FakeClock) -> Iterator[VenueConnection]:
    """A connection whose rate limiter uses the same clock as the fake Kraken."""
    rate_limiter = lambda per_second, burst: RateLimiter(per_second, burst, watch, watch.sleep)  # noqa: E731
    connection = VenueConnection(Kraken(), ApiConfig(base_url=fake.url), allow_loopback=True, rate_limiter=rate_limiter)
    yield connection
    event_loop.run(connection.close())


async def opened(connection: VenueConnection, credentials: dict[str, str], clock: Clock = utc_now) -> ExchangeWallet:
    """Open another wallet object for an account, as every request and every sync does."""
    wallet = ExchangeWallet("definition", "wallet", credentials, {"connection": connection, "clock": clock})
    await wallet.initialize()
    return wallet


def test_connecting_and_first_syncs_do_not_wait(
    fake: FakeKraken, connection: VenueConnection, watch: FakeClock, run: Run
) -> None:
    async def work() -> None:
        for credentials in (fake.credentials(), fake.credentials()):
            await (await opened(connection, credentials)).require_connection()
            for _ in range(4):
                await (await opened(connection, credentials)).statement(PreviousSync({}, None))

    run(work())
    assert (watch(), fake.refused_calls) == (0, 0)


def test_continuous_syncs_are_slowed_to_the_kraken_rate(
    fake: FakeKraken, connection: VenueConnection, watch: FakeClock, run: Run
) -> None:
    credentials = fake.credentials()

    async def work() -> None:
        for _ in range(30):
            await (await opened(connection, credentials)).statement(PreviousSync({}, None))

    run(work())
    calls = fake.calls("/private/")
    assert calls >= 30 * 2
    assert watch() == pytest.approx((calls - 12) * 3)
    assert fake.refused_calls == 0


def test_call_with_too_long_a_wait_is_refused_locally_with_retry_after(
    fake: FakeKraken, connection: VenueConnection, watch: FakeClock, run: Run
) -> None:
    credentials = fake.credentials()

    async def work() -> None:
        wallet = await opened(connection, credentials)
        for _ in range(6):
            await wallet.get_fills("BTC/USD")
        asked = fake.calls("/private/")
        with pytest.raises(RateLimitExceededError) as refused:
            await wallet.get_fills("BTC/USD")
        assert refused.value.retry_after is not None
        assert refused.value.retry_after > LONGEST_WAIT
        assert fake.calls("/private/") == asked
        watch.at += refused.value.retry_after
        await wallet.get_fills("BTC/USD")

    run(work())
    assert fake.refused_calls == 0


def test_waiting_for_the_rate_limiter_does_not_count_as_answer_time(
    fake: FakeKraken, watch: FakeClock, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_calls, "ANSWER_SECONDS", 1.0)

    async def turn(seconds: float) -> None:
        watch.at += seconds
        await asyncio.sleep(0.6)

    config = ApiConfig(base_url=fake.url)
    rate_limiter = lambda per_second, burst: RateLimiter(per_second, burst, watch, turn)  # noqa: E731
    connection = VenueConnection(Kraken(), config, allow_loopback=True, rate_limiter=rate_limiter)

    async def work() -> None:
        wallet = await opened(connection, fake.credentials())
        for _ in range(12):
            await wallet.get_balance()
        asked = fake.calls("/private/")
        assert await wallet.find_order("0" * 32, "BTC/USD") is None
        assert fake.calls("/private/") == asked + 2
        await connection.close()

    run(work())


def test_time_out_while_waiting_is_not_a_venue_failure(
    fake: FakeKraken, watch: FakeClock, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "FAILURES", 1)

    async def turn(_: float) -> None:
        await asyncio.Event().wait()

    judge, config = circuit_breaker.CircuitBreaker(), ApiConfig(base_url=fake.url)
    rate_limiter = lambda per_second, burst: RateLimiter(per_second, burst, watch, turn)  # noqa: E731
    connection = VenueConnection(
        Kraken(), config, allow_loopback=True, rate_limiter=rate_limiter, circuit_breaker=judge
    )

    async def thirteen(client: Client) -> None:
        for _ in range(13):
            await connection.venue.balance(client)

    async def work() -> None:
        with pytest.raises(WalletConnectionError):
            await connection.read(connection.client(fake.credentials()), thirteen, seconds=1)
        assert fake.calls("/private/") == 12
        await connection.close()

    run(work())
    assert judge.wait() == 0


def test_fake_kraken_enforces_the_call_limit(fake: FakeKraken, watch: FakeClock, run: Run) -> None:
    config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
    connection = VenueConnection(Kraken(), config, allow_loopback=True)

    async def work() -> None:
        wallet = await opened(connection, fake.credentials())
        for _ in range(15):
            await wallet.get_balance()
        with pytest.raises(RateLimitExceededError):
            await wallet.get_balance()
        watch.at += 10
        await wallet.get_balance()
        await connection.close()

    run(work())
    assert fake.refused_calls == 1


def test_remaining_trades_are_read_by_the_next_statements_without_waiting(
    fake: FakeKraken, connection: VenueConnection, watch: FakeClock, run: Run
) -> None:
    credentials = fake.credentials(balances={"USD": "1000000"})
    fake.exchange.now = lambda: int(now().timestamp() * 1000)  # type: ignore[method-assign]

    def now() -> datetime:
        return BEGIN + timedelta(seconds=watch())

    async def looks() -> int:
        wallet = await opened(connection, credentials, now)
        said = await wallet.statement(PreviousSync({}, None))
        for number in range(430):
            watch.at += 1
            ticket = Ticket(str(number), "BTC/USD", "buy", "market", Decimal("0.01"))
            fake.exchange.place(fake.exchange.accounts[credentials["api_key"]], ticket)
        for count in range(1, 10):
            watch.at += 300
            before, totals = watch(), {asset.asset: asset.total for asset in said.value.assets}
            said = await (await opened(connection, credentials, now)).statement(PreviousSync(totals, said.asset_flows))
            assert watch() == before
            assert said.asset_flows is not None
            if not said.asset_flows.behind:
                return count
        raise AssertionError

    assert run(looks()) == 3
    assert fake.refused_calls == 0


class Trading(FakeKraken):
    """A fake Kraken where another trade is filled before the second page of trades is returned."""

    pages = 0
    watch: FakeClock

    def _trades(self, account: Account, given: dict[str, str]) -> Any:
        self.pages += 1
        if self.pages == 2:
            self.watch.at += 1
            self.exchange.place(account, Ticket("meanwhile", "BTC/USD", "buy", "market", Decimal("0.01")))
        return super()._trades(account, given)


@pytest.mark.parametrize("count", [51, 100, 199, 200, 201])
def test_trade_filled_during_paging_hides_no_other_trade(count: int, run: Run) -> None:
    watch = FakeClock()

    def now() -> datetime:
        return BEGIN + timedelta(seconds=watch())

    async def looks(fake: FakeKraken) -> tuple[AssetFlows, dict[str, Decimal]]:
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        connection = VenueConnection(Kraken(), config, allow_loopback=True)
        credentials = fake.credentials(balances={"USD": "1000000"})
        said = await (await opened(connection, credentials, now)).statement(PreviousSync({}, None))
        for number in range(count):
            watch.at += 1
            ticket = Ticket(str(number), "BTC/USD", "buy", "market", Decimal("0.01"))
            fake.exchange.place(fake.exchange.accounts[credentials["api_key"]], ticket)
        for _ in range(3):
            watch.at += 300
            totals = {asset.asset: asset.total for asset in said.value.assets}
            said = await (await opened(connection, credentials, now)).statement(PreviousSync(totals, said.asset_flows))
        await connection.close()
        assert said.asset_flows is not None
        assert not said.asset_flows.behind
        return said.asset_flows, {asset.asset: asset.total for asset in said.value.assets}

    with Trading() as fake:
        fake.watch = watch
        fake.exchange.now = lambda: int(now().timestamp() * 1000)  # type: ignore[method-assign]
        asset_flows, totals = run(looks(fake))
    assert asset_flows.flows["BTC"].traded == totals["BTC"] == (count + 1) * Decimal("0.01")
