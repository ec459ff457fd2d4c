"""What the losses of a live wallet are measured from, as days begin and equity moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from moniqo.domain.errors import RiskLimitExceededError
from moniqo.domain.losses import baseline_at, check_losses, paused_by, reached
from moniqo.domain.risk import RiskLimits
from moniqo.domain.user_wallet import BalanceSnapshot, LossBaseline, UserWallet, UserWalletStatus

D = Decimal
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)
LIMITS = RiskLimits(D(1000), D(1000), 5, daily_loss_limit_usd=D(100), max_drawdown_percent=D(20))


def wallet(seen: str | None = None, at: datetime = NOON, baseline: LossBaseline | None = None) -> UserWallet:
    balance = BalanceSnapshot() if seen is None else BalanceSnapshot(at, (), D(seen))
    return UserWallet(
        id="w",
        user_id="u",
        wallet_id="d",
        wallet_name="Binance",
        wallet_slug="binance-spot-v1",
        custom_name="mine",
        risk_limits=LIMITS,
        created_at=NOON,
        updated_at=NOON,
        is_demo=False,
        status=UserWalletStatus.ACTIVE,
        balance=balance,
        baseline=baseline,
    )


def since(start: str, peak: str) -> LossBaseline:
    return LossBaseline(D(start), D(start), D(peak), MIDNIGHT)


def test_a_new_wallet_begins_with_its_first_look() -> None:
    assert baseline_at(wallet(), D(500), NOON) == since("500", "500")


def test_within_the_day_only_the_peak_moves() -> None:
    known = wallet("480", baseline=since("500", "600"))

    assert baseline_at(known, D(590), NOON) == since("500", "600")
    assert baseline_at(known, D(610), NOON) == since("500", "610")


@pytest.mark.parametrize(
    ("seen_before", "start"), [(timedelta(minutes=4), "480"), (timedelta(hours=23), "480"), (timedelta(days=2), "470")]
)
def test_a_day_begins_with_the_last_equity_seen_before_it_unless_that_is_old(
    seen_before: timedelta, start: str
) -> None:
    known = wallet("480", MIDNIGHT - seen_before, since("500", "600"))

    found = baseline_at(known, D(470), MIDNIGHT)

    assert found == LossBaseline(D(start), D(start), D(600), MIDNIGHT + timedelta(days=1))


def test_a_new_time_zone_holds_from_the_next_day() -> None:
    known = wallet("480", baseline=since("500", "600"))
    moved = replace(known, risk_limits=replace(LIMITS, timezone="Asia/Tokyo"))

    assert baseline_at(moved, D(480), NOON).until == MIDNIGHT
    assert baseline_at(moved, D(480), MIDNIGHT).until == datetime(2026, 3, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("equity", "limit"), [("400.01", None), ("400", "daily_loss_limit_usd"), ("480", "max_drawdown_percent")]
)
def test_a_limit_is_reached_at_its_very_number(equity: str, limit: str | None) -> None:
    peak = "600" if limit == "max_drawdown_percent" else "500"
    found = reached(wallet(), since("500", peak), D(equity))

    assert (found and found.limit_type) == limit


def test_what_is_paused_keeps_why() -> None:
    found = reached(wallet(), since("500", "500"), D(390))
    assert found is not None

    stopped = paused_by(wallet(), found)
    again = paused_by(replace(wallet(), status=UserWalletStatus.SUSPENDED, status_reason="fraud"), found)

    assert (stopped.status, stopped.status_reason) == ("paused", "daily_loss_limit_usd 100 was reached at 110")
    assert (again.status, again.status_reason) == ("suspended", "fraud")
    assert stopped.buys_stopped
    assert again.buys_stopped


def test_without_a_price_nobody_can_tell() -> None:
    with pytest.raises(RiskLimitExceededError) as refused:
        check_losses(wallet("480"), None, NOON)

    assert refused.value.members["limit_type"] == "daily_loss_limit"
