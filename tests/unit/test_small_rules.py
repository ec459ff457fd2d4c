"""Small rules that larger tests touch only by chance, each with its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.errors import (
    ValidationError,
    WalletConnectionError,
)
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.market.candles import CandleQuery, is_candle_of, series_of
from moniqo_core.domain.market.market import Candle, PriceLevel
from moniqo_core.domain.market.marks import has_sane_spread
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.market.usd_prices import usd_price
from moniqo_core.domain.matching.equity_samples import idle_hours
from moniqo_core.domain.matching.order_book import walk_book
from moniqo_core.domain.money import plain
from moniqo_core.domain.nearest_name import nearest_name
from moniqo_core.domain.orders.field_rules import field_faults
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.funds import not_covered
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.risk.loss_limits import find_breach
from moniqo_core.domain.sync.outcome import scheduled_run
from moniqo_core.domain.sync.outcome_rules import failed
from moniqo_core.http.schemas.tickers import read_symbols
from moniqo_core.venues.exchanges.registry import venue_of
from moniqo_core.venues.transport.account_names import account_name, key_name
from tests.support.engine_harness import BTC
from tests.support.user_wallets import active_wallet

D = Decimal
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("last", "usable"), [("0", False), ("0.5", True), ("-1", False)])
def test_quote_is_usable_with_a_positive_last_price(last: str, usable: bool) -> None:
    assert Quote24h(D(1), D(2), D(last)).is_usable is usable


@pytest.mark.parametrize(("bid", "ask", "sane"), [("0", "0", False), ("0", "1", False), ("95", "105", True)])
def test_spread_is_sane_only_with_a_positive_bid(bid: str, ask: str, sane: bool) -> None:
    assert has_sane_spread(D(bid), D(ask)) is sane


@pytest.mark.parametrize(
    ("value", "text"),
    [("1.500", "1.5"), ("-0", "0"), ("-0.000", "0"), ("1E+3", "1000"), ("0E-8", "0"), ("1E-8", "0.00000001"),
     ("100", "100"), ("-12.50", "-12.5"), ("10.0", "10")],
)  # fmt: skip
def test_amount_is_written_without_exponent_and_trailing_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text


def test_key_of_an_account_is_the_same_with_spaces_and_another_on_the_test_network() -> None:
    venue = venue_of("binance-spot-v1")
    credentials = {field: "abc" for field, name in venue.fields.items() if name == "apiKey"}
    spaced = {field: f" {key} " for field, key in credentials.items()}
    names = [key_name(venue, given, test_network=False) for given in (credentials, spaced)]
    assert names[0] == names[1]
    assert key_name(venue, credentials, test_network=True) not in {None, names[0]}
    assert account_name(venue, "1", test_network=True) != account_name(venue, "1", test_network=False)


def test_query_for_tickers_names_fifty_symbols_and_counts_each_once() -> None:
    names = [f"A{number}/USDT" for number in range(50)]
    assert read_symbols(",".join([*names, names[0], f" {names[1]}"])) == names
    with pytest.raises(ValidationError):
        read_symbols(",".join([*names, "B/USDT"]))


def test_of_two_candles_with_one_start_the_later_counts() -> None:
    first, later = (Candle(NOON, D(1), D(price), D(1), D(1), D(1)) for price in (2, 3))
    query = CandleQuery("1h", since=NOON)
    now = NOON + timedelta(hours=2)
    assert series_of([first, later], query, now, query.span(now)).candles == [later]


@pytest.mark.parametrize(("minute", "aligned"), [(0, True), (1, False), (59, False)])
def test_candle_that_is_not_aligned_is_none_of_its_length(minute: int, aligned: bool) -> None:
    candle = Candle(NOON + timedelta(minutes=minute), D(1), D(2), D(1), D(1), D(1))
    assert is_candle_of(candle, timedelta(hours=1), NOON + timedelta(days=1)) is aligned


def test_price_of_an_asset_that_only_quotes_others_is_inverted() -> None:
    assert usd_price("EUR", {"USD/EUR": D("0.8")}) == D("1.25")


def test_digits_of_a_bonding_time_are_two() -> None:
    marks = {"DOT/USD": D(7), "A/USD": D(3)}
    assert [usd_price(asset, marks) for asset in ("DOT28.S", "DOT.S", "AB7.S")] == [7, 7, None]


def test_part_of_a_name_has_at_least_three_letters() -> None:
    assert [nearest_name(asked, ["BTC/USDT", "ETH/USDT"]) for asked in ("btc", "bt")] == ["BTC/USDT", None]


@pytest.mark.parametrize(("largest", "lowers"), [("0", False), ("0.001", True)])
def test_lower_amount_is_suggested_where_funds_cover_one(largest: str, lowers: bool) -> None:
    hint = not_covered("USDT", D(100), D(50), D(largest)).advice
    assert hint.startswith("Lower the amount") is lowers
    assert hint.startswith("The free funds cover no amount") is not lowers


@pytest.mark.parametrize(("equity", "reached"), [("9.96", False), ("9.95", True)])
def test_loss_of_less_than_a_unit_reaches_a_limit_in_percent(equity: str, reached: bool) -> None:
    limits = RiskLimits(D(1), D(1), 1, max_drawdown_percent=D("0.5"))
    breach = find_breach(limits, D(equity), None, D(10), D(1))
    assert (breach is not None and breach.value == D("0.5")) is reached


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("price", {"type": OrderType.MARKET, "price": D(1)}),
        ("stop_price", {"stop_price": D(1)}),
        ("trail_percent", {"type": OrderType.TRAILING_STOP, "side": OrderSide.SELL, "price": None}),
        ("amount", {"amount": None}),
        ("quote_amount", {"amount": None, "quote_amount": D(1)}),
        ("side", {"type": OrderType.STOP_LOSS, "stop_price": D(1), "price": None}),
        ("reduce_only", {"reduce_only": True}),
        ("time_in_force", {"type": OrderType.STOP_LIMIT, "stop_price": D(1), "time_in_force": TimeInForce.IOC}),
    ],
)
def test_field_that_does_not_fit_the_others_is_named(field: str, given: dict[str, Any]) -> None:
    fitting = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, D(1), price=D(100))
    assert list(field_faults(fitting)) == []
    assert [fault.field for fault in field_faults(replace(fitting, **given))] == [field]


def test_third_order_finds_what_two_orders_left_of_a_level() -> None:
    levels = [PriceLevel(D(100), D(5))]
    first = walk_book(levels, {}, D(2), None, buying=True)
    second = walk_book(levels, first.taken, D(2), None, buying=True)
    third = walk_book(levels, second.taken, D(2), None, buying=True)
    assert [plan.amount for plan in (first, second, third)] == [2, 2, 1]


def test_idle_account_is_sampled_at_an_hour_that_ends_the_span() -> None:
    assert list(idle_hours(NOON - timedelta(minutes=1), NOON)) == [NOON]


def test_version_1_has_none_of_the_later_rules_and_version_2_has_all() -> None:
    flags = [name for name in ALL_RULES[1].__dataclass_fields__ if name != "version"]
    assert [getattr(ALL_RULES[1], name) for name in flags] == [False] * len(flags)
    assert [getattr(ALL_RULES[2], name) for name in flags] == [True] * len(flags)


def test_sync_that_fails_at_once_took_no_time_and_read_no_asset() -> None:
    wallet = active_wallet(RiskLimits(D(1), D(1), 1), NOON, is_demo=True)
    log = failed(scheduled_run("w-1", NOON, NOON), wallet, WalletConnectionError(), NOON, lambda: 0.5).log
    assert log is not None
    assert (log.duration_ms, log.assets_count) == (0, 0)
