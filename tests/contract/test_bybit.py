"""The rules that only Bybit has: fills by weeks, kinds of accounts, permissions and types of conditional orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from moniqo_core import event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import InvalidCredentialsError, WalletConnectionError
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.bybit import Bybit
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.conftest import Run
from tests.support.venues.bybit import FakeBybit
from tests.support.venues.exchange import Account, Ticket

SYMBOL = "BTC/USDT"


class BybitHarness:
    """An account at the fake Bybit."""

    def __init__(self, fake: FakeBybit) -> None:
        self.fake = fake
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        self.connection = VenueConnection(Bybit(), config, allow_loopback=True)
        credentials = fake.credentials(balances={"USDT": "1000000", "BTC": "1"})
        self.account: Account = fake.exchange.accounts[credentials["api_key"]]
        self.wallet = ExchangeWallet("definition", "wallet", credentials, {"connection": self.connection})

    def trade(self, ago: timedelta, times: int = 1) -> None:
        """Buy at one moment in the past."""
        exchange, at = self.fake.exchange, int((utc_now() - ago).timestamp() * 1000)
        present, exchange.now = exchange.now, lambda: at  # type: ignore[method-assign]
        for _ in range(times):
            name = str(len(self.account.orders))
            exchange.place(self.account, Ticket(name, SYMBOL, "buy", "market", Decimal("0.001")))
        exchange.now = present  # type: ignore[method-assign]


@pytest.fixture
def harness(run: Run) -> Iterator[BybitHarness]:
    with FakeBybit() as fake:
        harness = BybitHarness(fake)
        run(harness.wallet.initialize())
        yield harness
        event_loop.run(harness.connection.close())


def test_fills_since_a_time_are_read_week_by_week(harness: BybitHarness, run: Run) -> None:
    for days in (40, 22, 15, 1):
        harness.trade(timedelta(days=days))
    fills = run(harness.wallet.get_fills(SYMBOL, utc_now() - timedelta(days=30)))
    assert [round((utc_now() - fill.at) / timedelta(days=1)) for fill in fills] == [22, 15, 1]


def test_last_fills_reach_back_eight_weeks(harness: BybitHarness, run: Run) -> None:
    for days in (60, 50, 10):
        harness.trade(timedelta(days=days))
    fills = run(harness.wallet.get_fills(SYMBOL))
    assert [round((utc_now() - fill.at) / timedelta(days=1)) for fill in fills] == [50, 10]


def test_more_fills_of_one_moment_than_pages_hold_are_read(harness: BybitHarness, run: Run) -> None:
    harness.trade(timedelta(days=2), times=620)
    harness.trade(timedelta(days=1))
    fills = run(harness.wallet.get_fills(SYMBOL, utc_now() - timedelta(days=3)))
    assert len({fill.fill_id for fill in fills}) == Bybit.most_fills


def test_classic_account_is_refused(harness: BybitHarness, run: Run) -> None:
    harness.fake.is_unified = False
    with pytest.raises(InvalidCredentialsError, match="Only unified trading accounts"):
        run(harness.wallet.require_connection())


@pytest.mark.parametrize(
    "permissions",
    [
        {"FiatP2P": ["FiatP2POrder"]},
        {"FiatBybitPay": ["FaitPayOrder"]},
        {"FiatBitPay": ["FaitPayOrder"]},
        {"AddedLater": ["Anything"]},
        {"Wallet": ["AccountTransfer", "SubMemberTransfer"]},
        {"Wallet": ["AccountTransfer", "SubMemberTransferList"]},
    ],
    ids=str,
)
def test_key_that_can_move_funds_out_is_refused(
    harness: BybitHarness, run: Run, permissions: dict[str, list[str]]
) -> None:
    harness.fake.more_permissions = permissions
    with pytest.raises(InvalidCredentialsError, match="can withdraw"):
        run(harness.wallet.require_connection())


def test_read_only_key_of_some_addresses_is_accepted(harness: BybitHarness, run: Run) -> None:
    harness.account.can_trade, harness.account.ip_restricted = False, True
    harness.fake.more_permissions = {"Wallet": ["AccountTransfer", "SubMemberTransfer"]}
    run(harness.wallet.require_connection())
    allowed = run(harness.wallet.account.key_permissions())
    assert allowed is not None
    assert (allowed.can_read, allowed.can_trade, allowed.ip_restricted) == (True, False, True)


@pytest.mark.parametrize(
    ("side", "kind", "stop", "price", "read_as"),
    [
        ("sell", "stop", "45000", None, OrderType.STOP_LOSS),
        ("buy", "stop", "55000", None, OrderType.STOP_LOSS),
        ("sell", "take_profit", "55000", None, OrderType.TAKE_PROFIT),
        ("buy", "take_profit", "45000", None, OrderType.TAKE_PROFIT),
        ("sell", "stop_limit", "45000", "44000", OrderType.STOP_LIMIT),
    ],
)
def test_conditional_order_is_read_by_its_trigger(
    harness: BybitHarness, run: Run, side: str, kind: str, stop: str, price: str | None, read_as: OrderType
) -> None:
    limit = None if price is None else Decimal(price)
    ticket = Ticket("mine", SYMBOL, side, kind, Decimal("0.01"), price=limit, stop=Decimal(stop))
    harness.fake.exchange.place(harness.account, ticket)
    (order,) = run(harness.wallet.get_open_orders())
    assert (order.order_type, order.price) == (read_as, limit)


def test_forbidden_answer_names_both_of_its_causes(harness: BybitHarness, run: Run) -> None:
    run(harness.wallet.get_markets())
    harness.fake.break_with("status", status=403, path=FakeBybit.balances_path, body="Access too frequent")
    with pytest.raises(WalletConnectionError, match="too many requests, or its region is not served"):
        run(harness.wallet.get_balance())
    assert harness.fake.calls(FakeBybit.balances_path) == 1
