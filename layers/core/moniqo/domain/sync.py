"""What one sync of a wallet leads to: pure rules for success, failure and when to try again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from moniqo.domain.errors import WalletError
from moniqo.domain.user_wallet import STOPPED, BalanceSnapshot, Connection, UserWallet, UserWalletStatus

FAILURES_UNTIL_ERROR: Final = 5
FIRST_RETRY: Final = timedelta(minutes=5)
SLOWEST_RETRY: Final = timedelta(hours=6)


class SyncType(StrEnum):
    """What asked for a sync."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class SyncStatus(StrEnum):
    """How a sync went; ``partial`` means some asset has no value or a price was stale."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncRun:
    """One attempt: ``id`` is the same for every delivery of the same work; ``scheduled_for`` is None by hand."""

    id: str
    type: SyncType
    started_at: datetime
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncLogEntry:
    """One row of the sync log. ``api_calls`` counts calls to a venue; a paper wallet has none."""

    id: str
    user_id: str
    user_wallet_id: str
    sync_type: SyncType
    status: SyncStatus
    started_at: datetime
    duration_ms: int
    api_calls: int = 0
    error_code: str | None = None
    assets_count: int = 0
    total_value_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a sync changes: ``before`` is the wallet as it was read, ``after`` as it is to be stored."""

    run: SyncRun
    before: UserWallet
    after: UserWallet
    log: SyncLogEntry
    error_message: str | None = None


def scheduled_run(user_wallet_id: str, scheduled_for: datetime, now: datetime) -> SyncRun:
    """Name the scheduled sync of a wallet, the same for every delivery."""
    return SyncRun(f"{user_wallet_id}:{scheduled_for.isoformat()}", SyncType.SCHEDULED, now, scheduled_for)


def succeeded(
    run: SyncRun, wallet: UserWallet, balance: BalanceSnapshot, *, partial: bool, now: datetime
) -> SyncOutcome:
    """Take over a snapshot: failures are forgotten, and the wallet is due again at the next tick of the schedule."""
    connection = Connection(
        is_connected=True,
        last_successful_ping=now,
        last_error=wallet.connection.last_error,
        last_error_at=wallet.connection.last_error_at,
    )
    after = replace(
        wallet,
        status=wallet.status if wallet.status in STOPPED else UserWalletStatus.ACTIVE,
        balance=balance,
        connection=connection,
        statistics=replace(wallet.statistics, total_syncs=wallet.statistics.total_syncs + 1),
        next_sync_at=now,
        synced_for=run.scheduled_for or wallet.synced_for,
    )
    log = replace(
        _log(run, wallet, SyncStatus.PARTIAL if partial else SyncStatus.SUCCESS, now),
        assets_count=len(balance.assets),
        total_value_usd=balance.total_value_usd,
    )
    return SyncOutcome(run, wallet, after, log)


def failed(
    run: SyncRun, wallet: UserWallet, error: type[WalletError], now: datetime, random: Callable[[], float]
) -> SyncOutcome:
    """Count a failure and choose when to try again; the text stored is the error's fixed title.

    Args:
        run: The attempt.
        wallet: The wallet as it was read.
        error: What kind of error it was; never its text, which may quote what a venue said.
        now: When it failed.
        random: Gives a number in [0, 1).

    """
    failures = wallet.connection.retry_count + 1
    retry_at = now + retry_delay(failures, random())
    connection = replace(
        wallet.connection,
        is_connected=False,
        last_error=error.title,
        last_error_at=now,
        retry_count=failures,
        next_retry_at=retry_at,
    )
    statistics = replace(
        wallet.statistics,
        total_syncs=wallet.statistics.total_syncs + 1,
        failed_syncs=wallet.statistics.failed_syncs + 1,
    )
    lost = failures >= FAILURES_UNTIL_ERROR and wallet.status not in STOPPED
    after = replace(
        wallet,
        status=UserWalletStatus.ERROR if lost else wallet.status,
        connection=connection,
        statistics=statistics,
        next_sync_at=retry_at,
        synced_for=run.scheduled_for or wallet.synced_for,
    )
    log = replace(_log(run, wallet, SyncStatus.FAILED, now), error_code=error.code)
    return SyncOutcome(run, wallet, after, log, error.title)


def retry_delay(failures: int, share: float) -> timedelta:
    """Return ``share`` (0 to 1) of the longest wait after so many failures: doubling, capped, with full jitter."""
    # 2**6 x 5 minutes is above the cap; the bound keeps the power small however long a wallet stays broken.
    longest = min(SLOWEST_RETRY, FIRST_RETRY * (1 << min(failures - 1, 10)))
    return longest * share


def _log(run: SyncRun, wallet: UserWallet, status: SyncStatus, now: datetime) -> SyncLogEntry:
    return SyncLogEntry(
        id=run.id,
        user_id=wallet.user_id,
        user_wallet_id=wallet.id,
        sync_type=run.type,
        status=status,
        started_at=run.started_at,
        duration_ms=max(0, (now - run.started_at) // timedelta(milliseconds=1)),
    )
