"""When a failed sync is retried, and what the messages of the queue contain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.sync.account_statement import corrected
from moniqo_core.domain.sync.outcome import scheduled_run
from moniqo_core.domain.sync.outcome_rules import failed
from moniqo_core.domain.sync.retry_delay import FIRST_RETRY, SLOWEST_RETRY, retry_delay
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import (
    AccountRecord,
    ConnectionState,
    SyncStatistics,
    UserWallet,
    UserWalletStatus,
)
from moniqo_core.services.shared.schedule import scheduled_time
from moniqo_core.services.sync.messages import WALLETS_PER_MESSAGE, read_batch, write_messages
from tests.support.user_wallets import active_wallet

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


def wallet(status: UserWalletStatus, failures: int) -> UserWallet:
    limits, connection = RiskLimits(Decimal(1), Decimal(1), 1), ConnectionState(retry_count=failures)
    return active_wallet(limits, NOW, is_demo=True, status=status, connection=connection)


def test_longest_retry_wait_doubles_up_to_the_cap() -> None:
    longest = [retry_delay(failures, 1.0) for failures in range(1, 10)]

    assert longest[:4] == [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4, FIRST_RETRY * 8]
    assert longest[-1] == SLOWEST_RETRY


@given(failures=st.integers(1, 10**9), share=st.floats(0, 1))
def test_retry_wait_stays_between_zero_and_the_cap(failures: int, share: float) -> None:
    assert timedelta(0) <= retry_delay(failures, share) <= SLOWEST_RETRY


@given(failures=st.integers(0, 100), status=st.sampled_from(list(UserWalletStatus)))
def test_fifth_failure_sets_status_error_unless_wallet_is_stopped(failures: int, status: UserWalletStatus) -> None:
    before = wallet(status, failures)

    outcome = failed(scheduled_run("w-1", NOW, NOW), before, WalletConnectionError(), NOW, lambda: 0.5)

    stopped = status in {UserWalletStatus.PAUSED, UserWalletStatus.SUSPENDED}
    expected = UserWalletStatus.ERROR if failures >= 4 and not stopped else status
    assert outcome.after.status is expected
    assert outcome.after.connection.retry_count == failures + 1
    assert outcome.after.next_sync_at == outcome.after.connection.next_retry_at
    assert outcome.after.balance == before.balance
    assert outcome.after.statistics == SyncStatistics(total_syncs=1, failed_syncs=1)


@pytest.mark.parametrize(
    ("shown", "stored", "before_suspension"),
    [
        (UserWalletStatus.PAUSED, UserWalletStatus.SUSPENDED, UserWalletStatus.PAUSED),
        (UserWalletStatus.SUSPENDED, UserWalletStatus.PAUSED, None),
        (UserWalletStatus.SUSPENDED, UserWalletStatus.ACTIVE, None),
    ],
)
def test_wallet_takes_its_status_from_its_journal(
    shown: UserWalletStatus, stored: UserWalletStatus, before_suspension: UserWalletStatus | None
) -> None:
    behind = replace(wallet(shown, 0), status_before_suspension=UserWalletStatus.ACTIVE)

    found = corrected(behind, AccountRecord(stored, "why", None, has_open_orders=False, evaluated_until=None))

    assert (found.status, found.status_reason) == (stored, "why")
    assert found.status_before_suspension is before_suspension


def test_wallet_takes_its_pause_level_from_its_journal() -> None:
    behind = replace(wallet(UserWalletStatus.PAUSED, 0), pause_level=PauseLevel.REDUCE_ONLY)
    stored = AccountRecord(
        UserWalletStatus.PAUSED, "why", None, has_open_orders=False, evaluated_until=None, pause_level=PauseLevel.FULL
    )
    assert corrected(behind, stored).pause_level is PauseLevel.FULL
    assert corrected(behind, stored._replace(pause_level=None)).pause_level is PauseLevel.REDUCE_ONLY


def test_suspended_wallet_takes_its_status_before_the_suspension_from_its_journal() -> None:
    shown = {"status": UserWalletStatus.SUSPENDED, "status_before_suspension": UserWalletStatus.ACTIVE}
    behind = replace(wallet(UserWalletStatus.SUSPENDED, 0), **shown)  # type: ignore[arg-type]
    stored = AccountRecord(
        UserWalletStatus.SUSPENDED,
        "why",
        None,
        has_open_orders=False,
        evaluated_until=None,
        status_before_suspension=UserWalletStatus.PAUSED,
    )
    assert corrected(behind, stored).status_before_suspension is UserWalletStatus.PAUSED


@given(st.lists(st.uuids().map(str), unique=True, max_size=120))
def test_messages_survive_a_round_trip(wallets: list[str]) -> None:
    import json

    messages = write_messages(NOW, wallets)
    records = [{"messageId": str(number), "body": json.dumps(body)} for number, body in enumerate(messages)]
    batch = read_batch({"Records": records})

    assert batch.due == dict.fromkeys(wallets, NOW)
    assert batch.unreadable == []
    assert all(len(ids) <= WALLETS_PER_MESSAGE for ids in batch.wallets_of.values())


def test_later_of_two_times_for_a_wallet_wins() -> None:
    later = NOW + timedelta(minutes=5)
    bodies = [
        f'{{"scheduled_time": "{moment.isoformat()}", "user_wallet_ids": ["w-1"]}}' for moment in (NOW, later, NOW)
    ]

    batch = read_batch({"Records": [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]})

    assert batch.due == {"w-1": later}
    assert batch.failed(frozenset({"w-1"})) == ["0", "1", "2"]


def test_times_are_read_in_utc_milliseconds() -> None:
    assert scheduled_time({"scheduled_time": "2026-02-01T13:00:00.123456+01:00"}, NOW) == NOW.replace(
        microsecond=123000
    )
    assert scheduled_time({"scheduled_time": "2026-02-01T12:00:00"}, NOW) == NOW
    for event in ({}, {"scheduled_time": None}, {"scheduled_time": "<aws.scheduler.scheduled-time>"}):
        assert scheduled_time(event, NOW) == NOW
