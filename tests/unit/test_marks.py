"""Mark prices: the mid where it may be believed, and what stands in for it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.live.loss_limits import baseline_at, reached_loss_limit
from moniqo_core.domain.market.market import PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.market.marks import Marks, mark_price
from moniqo_core.domain.market.usd_prices import is_firmly_priced, usd_price
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, LossBaseline
from moniqo_core.storage.wallets.balance_codec import balance_document, read_balance
from tests.support.engine_harness import BTC, ETH, STEP, EngineHarness
from tests.unit.test_live_losses import LIMITS, MIDNIGHT, NOON, since, wallet

D = Decimal


@pytest.mark.parametrize(
    ("bid", "ask", "last", "mark"),
    [
        ("99", "101", "120", "100"),
        ("95", "105", "96", "100"),
        ("94.9", "105.1", "96", "96"),
        ("0.449", "100000", "0.45", "0.45"),
        ("0.449", "100000", "0.44", "0.449"),
        ("0.449", "100000", None, "0.449"),
        ("0.449", "0", "0.45", "0.449"),
    ],
)
def test_mid_is_believed_in_a_sane_spread_only(bid: str, ask: str, last: str | None, mark: str) -> None:
    assert mark_price(D(bid), D(ask), None if last is None else D(last)) == D(mark)


def test_market_with_a_sane_spread_is_preferred() -> None:
    marks = Marks({"X/USD": D(9), "X/USDT": D(2), "Y/USD": D(5), "Z/BTC": D(1), "BTC/USD": D(7)}, {"X/USD", "Y/USD"})

    assert [usd_price(asset, marks) for asset in ("X", "Y", "Z")] == [D(2), D(5), D(7)]
    assert [is_firmly_priced(asset, marks) for asset in ("X", "Y", "Z", "NOPRICE")] == [True, False, True, True]


def test_equity_that_is_not_firm_makes_no_peak_and_begins_no_day() -> None:
    mine = wallet("500", baseline=since("500", "500"))
    assert baseline_at(mine, D(900), NOON, firm=False).peak == 500
    assert baseline_at(mine, D(900), NOON).peak == 900
    odd = replace(mine, balance=BalanceSnapshot(NOON, (), D(900), firm=False))

    assert baseline_at(odd, D(510), MIDNIGHT) == LossBaseline(D(510), D(510), D(510), MIDNIGHT + timedelta(days=1))


def test_snapshot_that_is_not_firm_is_read_as_it_was_written() -> None:
    for firm in (True, False):
        snapshot = BalanceSnapshot(datetime(2026, 3, 10, tzinfo=UTC), (), D(900), firm=firm)
        assert read_balance(balance_document(snapshot)) == snapshot


def trade_in_a_thin_book(harness: EngineHarness, side: str, monkeypatch: pytest.MonkeyPatch, **shown: str) -> None:
    """Trade BTC in a book of these prices, and then meet a point of ETH only."""
    wide = replace(
        harness.snapshot(BTC),
        last=D(shown["last"]),
        bids=[PriceLevel(D(shown.get("bid", "49999")), D(1))],
        asks=[PriceLevel(D(shown["ask"]), D(1))],
    )
    with monkeypatch.context() as patch:
        patch.setattr(harness, "snapshot", lambda _: wide)
        harness.place(side, "market", "0.01")
    harness.paths[ETH].append(PathPoint(harness.now, harness.now + STEP, D(3000), D(1), harness.half))
    harness.now += STEP


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_paper_trade_in_a_nearly_empty_book_makes_no_peak_then_or_later(
    side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = EngineHarness("10000")
    harness.place("buy", "market", "0.1")
    harness.place("buy", "market", "0.1", ETH)
    before = harness.account.peak

    trade_in_a_thin_book(harness, side, monkeypatch, last="59000", bid="40000", ask="60000")

    assert harness.account.peak == before
    assert harness.walk().peak == before
    assert harness.account.marks[BTC] == D(50_000)


def test_first_paper_purchase_in_a_nearly_empty_book_makes_no_peak_then_or_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = EngineHarness("10000")
    harness.place("buy", "market", "0.1", ETH)
    before = harness.account.peak

    trade_in_a_thin_book(harness, "buy", monkeypatch, last="59000", bid="70000", ask="60000")

    assert harness.account.peak == before
    assert harness.walk().peak == before
    assert harness.account.marks[BTC] == D(60_000)


def test_present_mid_is_kept_as_the_mark_and_may_make_a_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = EngineHarness("10000")
    harness.place("buy", "market", "0.1")
    before = harness.account.peak

    trade_in_a_thin_book(harness, "sell", monkeypatch, last="52000", bid="51000", ask="53000")

    assert harness.account.marks[BTC] == D(52_000)
    assert harness.account.peak > before


def test_first_equity_that_is_not_firm_makes_no_peak_but_losses_count_from_the_day() -> None:
    limited = replace(wallet(), risk_limits=replace(LIMITS, daily_loss_limit_usd=None))
    first = baseline_at(limited, D(900), NOON, firm=False)
    seen = replace(limited, baseline=first, balance=BalanceSnapshot(NOON, (), D(900), firm=False))

    assert baseline_at(seen, D(500), NOON).peak == 500
    still_odd = baseline_at(seen, D(700), NOON, firm=False)
    found = reached_loss_limit(seen, still_odd, D(700))
    assert found is not None
    assert found.limit_type == "max_drawdown_percent"


def test_deposit_into_an_empty_account_makes_no_peak_unless_firm() -> None:
    emptied = wallet("0", baseline=since("500", "500"))

    assert baseline_at(emptied, D(900), NOON, D(900), firm=False).peak == 0
    assert baseline_at(emptied, D(900), NOON, D(900)).peak == 900


def test_first_rules_take_every_mid() -> None:
    assert [ALL_RULES[version].sane_marks for version in (1, 2)] == [False, True]
    wide = Snapshot(BTC, NOON, D(10), [PriceLevel(D(1), D(1))], [PriceLevel(D(100), D(1))], "venue")
    assert (wide.mid, wide.mark) == (D("50.5"), D(10))
