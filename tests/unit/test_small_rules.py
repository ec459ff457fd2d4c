"""Small rules that larger tests touch only by chance, each with its numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.market.marks import has_sane_spread
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.market.usd_prices import usd_price
from moniqo_core.domain.matching.equity_samples import idle_hours
from moniqo_core.domain.matching.order_book import walk_book
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.sync.outcome import scheduled_run
from moniqo_core.domain.sync.outcome_rules import failed
from tests.support.engine_harness import BTC, EngineHarness
from tests.support.user_wallets import active_wallet

D = Decimal
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("last", "usable"), [("0", False), ("0.5", True), ("-1", False)])
def test_quote_is_usable_with_a_positive_last_price(last: str, usable: bool) -> None:
    assert Quote24h(D(1), D(2), D(last)).is_usable is usable


@pytest.mark.parametrize(("bid", "ask", "sane"), [("0", "0", False), ("0", "1", False), ("95", "105", True)])
def test_spread_is_sane_only_with_a_positive_bid(bid: str, ask: str, sane: bool) -> None:
    assert has_sane_spread(D(bid), D(ask)) is sane


def test_price_of_an_asset_that_only_quotes_others_is_inverted() -> None:
    assert usd_price("EUR", {"USD/EUR": D("0.8")}) == D("1.25")


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


def test_fill_has_only_its_own_result() -> None:
    """Each sell of a third loses its spread and fees. A sum over all fills would grow from one to the next."""
    harness = EngineHarness()
    harness.book(("0", "100"))
    harness.place("buy", "market", "0.03")
    sells = [harness.do(OrderRequest(BTC, OrderSide.SELL, OrderType.MARKET, D("0.01"))) for _ in range(3)]
    results = [fill.realised for commit in sells for fill in commit.fills]
    assert len(results) == 3
    assert results[0] == results[1] == results[2] < 0
