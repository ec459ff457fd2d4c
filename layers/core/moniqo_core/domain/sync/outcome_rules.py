"""Rules for the outcome of a sync: success, failure, and the time of the next attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import DecryptionError, WalletDeletedError, WalletError
from moniqo_core.domain.live.loss_limits import (
    baseline_at,
    paused_by_loss,
    reached_loss_limit,
    repriced_usd,
)
from moniqo_core.domain.live.transfers import paid_in_usd, transfers
from moniqo_core.domain.portfolio.balance_equation import balance_equation
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.risk.loss_limits import LossLimitBreach
from moniqo_core.domain.sync.account_statement import (
    AccountStatement,
    balance_snapshot,
    corrected,
    misses_a_price,
    previous_sync_of,
)
from moniqo_core.domain.sync.outcome import SyncLogEntry, SyncOutcome, SyncRun, SyncStatus, SyncType
from moniqo_core.domain.sync.retry_delay import SLOWEST_RETRY, retry_delay
from moniqo_core.domain.wallets.key_permissions import KeyPermissions, reason_to_pause
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import (
    STOPPED_STATUSES,
    BalanceSnapshot,
    ConnectionState,
    UserWallet,
    UserWalletStatus,
)

FAILURES_UNTIL_ERROR: Final = 5
SAMPLE_FINAL_AFTER: Final = timedelta(minutes=1)
"""Age from which an hour of equity is stored. No clock is so slow that it could still add a trade before that hour."""


def succeeded(run: SyncRun, wallet: UserWallet, statement: AccountStatement, now: datetime) -> SyncOutcome:
    """Apply a statement: failures are cleared, and the wallet is due at the next tick of the schedule."""
    last = wallet.balance
    balance = balance_snapshot(statement, now, None if last.last_synced_at is None else last)
    right = wallet if statement.record is None else corrected(wallet, statement.record)
    after = _watch_key(right, statement.permissions)
    after = replace(after, next_sync_at=now, synced_for=run.scheduled_for or wallet.synced_for)
    asset_flows = statement.asset_flows
    epoch = asset_flows.epoch if asset_flows else 1
    samples = _samples(statement, wallet, balance)
    if right is wallet and run.type is SyncType.SCHEDULED and not balance.partial and _is_unchanged(wallet, statement):
        return SyncOutcome(run, wallet, after, None, epoch=epoch, samples=samples)
    opening = previous_sync_of(wallet.balance)
    after = replace(
        after,
        status=after.status if after.status in STOPPED_STATUSES else UserWalletStatus.ACTIVE,
        balance=balance,
        connection=ConnectionState(
            is_connected=True,
            last_successful_ping=now,
            last_error=wallet.connection.last_error,
            last_error_at=wallet.connection.last_error_at,
        ),
        statistics=wallet.statistics._replace(total_syncs=wallet.statistics.total_syncs + 1),
    )
    equation = (
        None
        if asset_flows is None
        else balance_equation(opening.totals, opening.asset_flows, asset_flows, previous_sync_of(balance).totals)
    )
    found = () if wallet.is_demo else transfers(equation, wallet.balance, balance)
    after, breach = (after, None) if wallet.is_demo else _watch_losses(wallet, after, paid_in_usd(found), now)
    whole = not balance.partial and not (asset_flows and asset_flows.behind)
    log = replace(
        _log(run, wallet, SyncStatus.SUCCESS if whole else SyncStatus.PARTIAL, now),
        api_calls=statement.api_calls,
        assets_count=len(balance.assets),
        total_value_usd=balance.total_value_usd,
        equation=equation,
    )
    return SyncOutcome(
        run,
        wallet,
        after,
        log,
        epoch=epoch,
        samples=samples,
        corrected=right is not wallet,
        breach=breach,
        transfers=found,
    )


def account_deleted(run: SyncRun, wallet: UserWallet, now: datetime) -> SyncOutcome:
    """Delete the wallet of an account whose deletion was interrupted after its commit."""
    after = replace(wallet, deleted_at=now, updated_at=now)
    return SyncOutcome(run, wallet, after, None, WalletDeletedError.title, corrected=True)


def failed(
    run: SyncRun, wallet: UserWallet, error: WalletError, now: datetime, random: Callable[[], float]
) -> SyncOutcome:
    """Count a failure and schedule the next attempt.

    Args:
        run: The attempt.
        wallet: The wallet as it was read.
        error: The failure. Only its fixed title is stored, because its detail may quote an answer of the venue. The
            next attempt waits for its ``retry_after``, up to :data:`SLOWEST_RETRY`.
        now: When it failed.
        random: Returns a number in [0, 1).

    """
    failures = wallet.connection.retry_count + 1
    asked = timedelta(seconds=error.retry_after or 0)
    retry_at = now + max(retry_delay(failures, random()), min(asked, SLOWEST_RETRY))
    connection = wallet.connection._replace(
        is_connected=False,
        last_error=error.title,
        last_error_at=now,
        retry_count=failures,
        next_retry_at=retry_at,
    )
    statistics = wallet.statistics._replace(
        total_syncs=wallet.statistics.total_syncs + 1,
        failed_syncs=wallet.statistics.failed_syncs + 1,
    )
    log = replace(_log(run, wallet, SyncStatus.FAILED, now), error_code=error.code)
    if run.type is SyncType.PRE_TRADE:
        # A sync before an order must not move the schedule, however often orders are tried while a venue is down.
        return SyncOutcome(run, wallet, replace(wallet, statistics=statistics), log, error.title)
    # Credentials that cannot be decrypted now cannot be decrypted later.
    lost = (
        failures >= FAILURES_UNTIL_ERROR or isinstance(error, DecryptionError)
    ) and wallet.status not in STOPPED_STATUSES
    after = replace(
        wallet,
        status=UserWalletStatus.ERROR if lost else wallet.status,
        connection=connection,
        statistics=statistics,
        next_sync_at=retry_at,
        synced_for=run.scheduled_for or wallet.synced_for,
    )
    return SyncOutcome(run, wallet, after, log, error.title)


def _watch_key(wallet: UserWallet, now: KeyPermissions | None) -> UserWallet:
    """Record the permissions of the key. Pause the wallet if the key can withdraw or its permissions changed.

    A suspended wallet stays suspended, and is paused when it is reinstated.
    """
    if now is None:
        return wallet
    reason = reason_to_pause(wallet.known_permissions, now)
    wallet = replace(wallet, key_permissions=now, key_permissions_version=wallet.credentials_version)
    if reason is not None and wallet.status is UserWalletStatus.SUSPENDED:
        return replace(wallet, status_before_suspension=UserWalletStatus.PAUSED)
    if reason is None or wallet.status in STOPPED_STATUSES:
        return wallet
    return replace(wallet, status=UserWalletStatus.PAUSED, status_reason=reason, pause_level=PauseLevel.FULL)


def _watch_losses(
    before: UserWallet, after: UserWallet, paid_in: Decimal, now: datetime
) -> tuple[UserWallet, LossLimitBreach | None]:
    """Measure the losses of a live account. What has no price is left out.

    The losses of a paper account are measured along its path instead.
    """
    equity = after.balance.total_value_usd
    if equity is None:
        return after, None
    baseline = baseline_at(
        before,
        equity,
        now,
        paid_in,
        repriced_usd(before.balance, after.balance.assets),
        firm=after.balance.firm,
    )
    found = reached_loss_limit(after, baseline, equity)
    after = replace(after, baseline=baseline)
    return (after if found is None else paused_by_loss(after, found)), found


def _is_unchanged(wallet: UserWallet, statement: AccountStatement) -> bool:
    """Tell whether the stored snapshot of a connected paper wallet belongs to the same journal entry."""
    before, asset_flows = wallet.balance.asset_flows, statement.asset_flows
    if before is None or asset_flows is None or asset_flows.seq is None or wallet.balance.partial:
        return False
    known = wallet.connection.is_connected and wallet.status is UserWalletStatus.ACTIVE
    return known and (before.epoch, before.seq) == (asset_flows.epoch, asset_flows.seq)


def _samples(statement: AccountStatement, wallet: UserWallet, balance: BalanceSnapshot) -> Sequence[EquitySample]:
    """Return the hours of equity to store: those of a paper wallet, or the first sync of each hour at a venue.

    No point is stored while a holding lacks a price that may still return.
    """
    now = balance.last_synced_at
    assert now is not None  # noqa: S101  balance_snapshot sets it
    if statement.record is not None:
        return [point for point in statement.samples if point.at <= now - SAMPLE_FINAL_AFTER]
    hour = now.replace(minute=0, second=0, microsecond=0)
    last, total, syncs = wallet.balance.last_synced_at, balance.total_value_usd, wallet.statistics
    # The balance that a new wallet begins with is not from a sync.
    sampled = last is not None and last >= hour and syncs.total_syncs > syncs.failed_syncs
    if balance.partial or total is None or sampled or misses_a_price(balance, now):
        return ()
    return [EquitySample(hour, total, balance.realised_pnl, balance.unrealised_pnl)]


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
