"""The baseline that the losses of a live wallet are measured from, as days begin and equity moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import RiskLimitExceededError
from moniqo_core.domain.live.loss_limits import (
    baseline_at,
    check_losses,
    loss_numbers,
    paused_by_loss,
    reached_loss_limit,
    repriced_usd,
)
from moniqo_core.domain.live.transfers import paid_in_usd, transfers
from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.user_wallet import (
    BalanceSnapshot,
    LossBaseline,
    SnapshotAsset,
    UserWallet,
    UserWalletStatus,
)
from tests.support.user_wallets import active_wallet

D = Decimal
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
LIMITS = RiskLimits(D(1000), D(1000), 5, daily_loss_limit_usd=D(100), max_drawdown_percent=D(20))


def wallet(seen: str | None = None, at: datetime = NOON, baseline: LossBaseline | None = None) -> UserWallet:
    balance = BalanceSnapshot() if seen is None else BalanceSnapshot(at, (), D(seen))
    return active_wallet(LIMITS, NOON, balance=balance, baseline=baseline)


def since(start: str, peak: str) -> LossBaseline:
    return LossBaseline(D(start), D(start), D(peak), MIDNIGHT)


def test_new_wallet_takes_its_first_equity_as_baseline() -> None:
    assert baseline_at(wallet(), D(500), NOON) == since("500", "500")


def test_only_the_peak_moves_within_a_day() -> None:
    known = wallet("480", baseline=since("500", "600"))

    assert baseline_at(known, D(590), NOON) == since("500", "600")
    assert baseline_at(known, D(610), NOON) == since("500", "610")


@pytest.mark.parametrize(
    ("seen_before", "start"), [(timedelta(minutes=4), "480"), (timedelta(hours=23), "480"), (timedelta(days=2), "470")]
)
def test_day_starts_with_the_last_equity_before_midnight_unless_stale(seen_before: timedelta, start: str) -> None:
    known = wallet("480", MIDNIGHT - seen_before, since("500", "600"))

    found = baseline_at(known, D(470), MIDNIGHT)

    assert found == LossBaseline(D(start), D(start), D(600), MIDNIGHT + timedelta(days=1))


def test_new_time_zone_applies_from_the_next_day() -> None:
    known = wallet("480", baseline=since("500", "600"))
    moved = replace(known, risk_limits=replace(LIMITS, timezone="Asia/Tokyo"))

    assert baseline_at(moved, D(480), NOON).until == MIDNIGHT
    assert baseline_at(moved, D(480), MIDNIGHT).until == datetime(2026, 3, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("equity", "limit"), [("400.01", None), ("400", "daily_loss_limit_usd"), ("480", "max_drawdown_percent")]
)
def test_limit_is_reached_at_exactly_its_value(equity: str, limit: str | None) -> None:
    peak = "600" if limit == "max_drawdown_percent" else "500"
    found = reached_loss_limit(wallet(), since("500", peak), D(equity))

    assert (found and found.limit_type) == limit


@pytest.mark.parametrize("paid_in", ["-450", "-100", "300", "100000"])
def test_transfer_changes_neither_dollar_nor_percent_loss(paid_in: str) -> None:
    """480 of 500, 20 USD and 4% lost, 20% below the peak of 600."""
    known = wallet("480", baseline=since("500", "600"))
    equity = D(480) + D(paid_in)

    after = baseline_at(known, equity, NOON, D(paid_in))

    assert after.day_start - equity == 20
    assert abs((after.percent_from - equity) / after.percent_from - D("0.04")) < D("1e-9")
    assert abs((after.peak - equity) / after.peak - D("0.2")) < D("1e-9")


def test_emptied_account_restarts_its_peak_and_keeps_the_day_loss() -> None:
    emptied = baseline_at(wallet("480", baseline=since("500", "600")), D(0), NOON, D(-480))
    filled = baseline_at(wallet("0", baseline=emptied), D(1000), NOON, D(1000))

    assert filled == LossBaseline(D(1020), D(1000), D(1000), MIDNIGHT)
    assert reached_loss_limit(wallet(), filled, D(920)) is not None


@pytest.mark.parametrize("dust", ["0.0000001", "0.00999"])
def test_account_emptied_except_for_dust_restarts_its_peak(dust: str) -> None:
    taken = D(dust) - 480
    emptied = baseline_at(wallet("480", baseline=since("500", "600")), D(dust), NOON, taken)
    filled = baseline_at(wallet(dust, baseline=emptied), D(1000) + D(dust), NOON, D(1000))

    assert filled == LossBaseline(D(1020) + D(dust), D(1000) + D(dust), D(1000) + D(dust), MIDNIGHT)


@pytest.mark.parametrize(("seen", "start"), [("480", "580"), (None, "570")])
def test_deposit_across_midnight_counts_once(seen: str | None, start: str) -> None:
    known = wallet(seen, NOON, since("500", "500"))

    assert baseline_at(known, D(570), MIDNIGHT, D(100)).day_start == D(start)


def snapshot(**totals: str) -> BalanceSnapshot:
    """Everything is worth 2 USD."""
    held = (SnapshotAsset(name, D(total), D(0), D(total), D(total) * 2) for name, total in totals.items())
    return BalanceSnapshot(NOON, tuple(held))


def left_over(**residues: str) -> list[EquationLine]:
    return [EquationLine(name, D(0), D(0), D(0), D(0), D(residue)) for name, residue in residues.items()]


@pytest.mark.parametrize(
    ("residues", "paid_in"),
    [
        ({}, "0"),
        ({"A": "0"}, "0"),
        ({"A": "-3"}, "-6"),
        ({"A": "1", "B": "2"}, "6"),
        ({"A": "1", "B": "-2"}, "0"),  # an exchange that was not reported
        ({"GONE": "-5"}, "-10"),
        ({"NOPRICE": "5"}, "0"),
        ({"A": "-3", "B": "0.004"}, "-6"),  # B is worth less than a cent: rounding
        ({"A": "3", "B": "-0.004", "GONE": "-0.0049"}, "6"),
        ({"A": "-3", "B": "0.005"}, "0"),
        ({"A": "-3", "NOPRICE": "0.001"}, "0"),  # its value is unknown
    ],
)
def test_one_sided_residue_is_a_transfer(residues: dict[str, str], paid_in: str) -> None:
    before, after = snapshot(A="3", GONE="5"), snapshot(A="3", B="7")

    assert paid_in_usd(transfers(left_over(**residues), before, after)) == D(paid_in)


def test_stopped_wallet_keeps_its_original_reason() -> None:
    found = reached_loss_limit(wallet(), since("500", "500"), D(390))
    assert found is not None

    stopped = paused_by_loss(wallet(), found)
    again = paused_by_loss(replace(wallet(), status=UserWalletStatus.SUSPENDED, status_reason="fraud"), found)

    assert (stopped.status, stopped.status_reason) == ("paused", "daily_loss_limit_usd 100 was reached at 110")
    assert (again.status, again.status_reason) == ("suspended", "fraud")
    assert stopped.buys_stopped
    assert again.buys_stopped


def held(asset: str, total: str, value: str | None) -> SnapshotAsset:
    return SnapshotAsset(asset, D(total), D(0), D(total), None if value is None else D(value))


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        (held("X", "5", "50"), held("X", "5", None), "-50"),
        (held("X", "2", "20"), held("X", "5", None), "-50"),  # three were bought meanwhile
        (held("X", "5", None), held("X", "5", "40"), "40"),
        (held("X", "5", None), held("X", "2", "16"), "40"),  # three were sold meanwhile
        (held("X", "5", "50"), held("X", "5", "40"), "0"),
        (held("X", "5", None), held("X", "5", None), "0"),
        (held("X", "5", "50"), held("Y", "5", None), "0"),
    ],
)
def test_price_that_comes_or_goes_moves_both_sides(before: SnapshotAsset, now: SnapshotAsset, moved: str) -> None:
    assert repriced_usd(BalanceSnapshot(NOON, (before,), None), [now]) == D(moved)


def test_holding_that_loses_its_price_is_no_loss_and_hides_none() -> None:
    seen = BalanceSnapshot(NOON, (held("X", "1", "450"), held("USDT", "50", "50")), D(500))
    mine = replace(wallet(baseline=since("500", "500")), balance=seen)
    check_losses(mine, [held("X", "1", None), held("USDT", "50", "50")], NOON)

    numbers = loss_numbers(mine, [held("X", "1", None), held("USDT", "30", "30")], NOON)

    assert (numbers["equity"], numbers["daily_loss"], numbers["unpriced_assets"]) == (D(30), D(20), ("X",))
    with pytest.raises(RiskLimitExceededError):
        check_losses(mine, [held("X", "1", None), held("USDT", "30", "30")], NOON)
