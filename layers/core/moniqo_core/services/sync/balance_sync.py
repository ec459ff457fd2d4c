"""Sync balance snapshots: one wallet on request, many from the queue, or the wallet of an order."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import RateLimitExceededError, TemporarilyUnavailableError
from moniqo_core.domain.live.loss_limits import paused_by_loss
from moniqo_core.domain.sync.outcome import SyncOutcome, SyncRun, SyncStatus, SyncType, scheduled_run
from moniqo_core.domain.sync.outcome_rules import FAILURES_UNTIL_ERROR
from moniqo_core.domain.sync.retry_delay import retry_delay
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.shared.cancels_buys import CancelsBuys
from moniqo_core.services.shared.user_quotas import PerMinute
from moniqo_core.services.sync.concurrent_account_queries import AccountQueries
from moniqo_core.storage.live.sync_findings import SyncFindings
from moniqo_core.storage.paper.snapshots import WalletsWithAccounts
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.due_wallets import DueWallets, SyncLease
from moniqo_core.storage.wallets.sync_log import SyncLogStore, UnreadableWallet
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.connector import WalletConnector

LEASE: Final = timedelta(seconds=60)
"""At least as long as a worker may run."""
LEASE_BY_HAND: Final = timedelta(seconds=20)

_jitter: Final = SystemRandom().random


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The numbers of wallets in a batch that were synced, failed, or were postponed because the time ran out.

    ``unbalanced`` counts synced wallets whose balance equation has a residue. ``corrected`` counts wallets whose
    document differed from their journal. ``unstored`` holds the ids of wallets to deliver again.
    """

    synced: int = 0
    failed: int = 0
    postponed: int = 0
    unbalanced: int = 0
    corrected: int = 0
    unstored: frozenset[str] = frozenset()
    took: timedelta = timedelta(0)


class BalanceSync:
    """Syncs balances. A wallet that fails or hangs delays the others of its venue by at most its time limit."""

    def __init__(
        self,
        wallets: UserWalletStore,
        due: DueWallets,
        sync_log: SyncLogStore,
        findings: SyncFindings,
        connector: WalletConnector,
        limit: PerMinute,
        stop: Callable[[], CancelsBuys],
        now: Clock = utc_now,
        jitter: Callable[[], float] = _jitter,
    ) -> None:
        """Use these stores.

        ``limit`` bounds the syncs that a user requests. ``stop`` makes the object that cancels buys after a loss
        limit. ``jitter`` returns a random number in [0, 1) that spreads retries.
        """
        self._wallets = wallets
        self._due = due
        self._sync_log = sync_log
        self._findings = findings
        self._connector = connector
        self._queries = AccountQueries(connector, now, jitter)
        self._limit = limit
        self._stop = stop
        self._now = now
        self._jitter = jitter

    async def sync_one(self, user_id: str, user_wallet_id: str) -> SyncOutcome:
        """Sync an owner's wallet now, in any status.

        Raises:
            NotFoundError: the owner has no such wallet.
            RateLimitExceededError: another sync of it is in progress, or the user requested too many this minute.

        """
        wallet, permit = await self._limit.count_while(user_id, self._wallets.get(user_id, user_wallet_id))
        permit.require()
        run, lease = self._by_hand(wallet, SyncType.MANUAL)
        if not await self._due.claim_one(wallet, lease, run.started_at):
            raise RateLimitExceededError("Another sync of this balance is in progress.", retry_after=2)
        (outcome,) = await self._queries.many([(run, wallet)])
        outcome = await self._findings.commit(outcome, self._now())
        await self._sync_log.record(lease.token, [outcome])
        await self._stop_buys([outcome])
        return outcome

    async def sync_open(self, wallet: UserWallet, account: BaseWallet, sync_type: SyncType) -> SyncOutcome:
        """Sync a wallet whose ``account`` is open, and leave it open. The query runs while the lease is being taken.

        If another sync has the lease, this one returns its own outcome without storing it. A breach of a loss limit
        stops the wallet in both cases.

        Raises:
            WalletError: the account did not answer. The outcome is stored in the sync log.

        """
        run, lease = self._by_hand(wallet, sync_type)
        claim = self._due.claim_one(wallet, lease, run.started_at)
        claimed, (outcome, error) = await asyncio.gather(claim, self._queries.one(run, wallet, account))
        if claimed:
            outcome = await self._findings.commit(outcome, self._now())
            await self._sync_log.record(lease.token, [outcome])
        elif outcome.breach is not None:
            await self._findings.pause(wallet, paused_by_loss(wallet, outcome.breach), self._now())
        await self._stop_buys([outcome])
        if error is not None:
            raise error
        return outcome

    def _by_hand(self, wallet: UserWallet, sync_type: SyncType) -> tuple[SyncRun, SyncLease]:
        now = self._now()
        lease = SyncLease(str(uuid.uuid4()), now + LEASE_BY_HAND)
        return SyncRun(f"{wallet.id}:{lease.token}", sync_type, now), lease

    async def _committed(self, outcomes: Sequence[SyncOutcome]) -> tuple[list[SyncOutcome], set[str]]:
        """Commit the findings about live wallets.

        Return what is left to store, and the ids of wallets whose journals could not be written.
        """
        left, unwritten = [], set()
        for outcome in outcomes:
            try:
                left.append(await self._findings.commit(outcome, self._now()))
            except TemporarilyUnavailableError:
                unwritten.add(outcome.before.id)
        return left, unwritten

    async def _stop_buys(self, outcomes: Sequence[SyncOutcome]) -> None:
        breached = [outcome.after.id for outcome in outcomes if outcome.breach is not None]
        if breached:
            # If the owner or an admin stopped the wallet meanwhile, its outcome was not stored.
            await self._wallets.stop_buys(breached)
        stopped = [outcome.after.id for outcome in outcomes if outcome.after.buys_stopped]
        if stopped:
            await self._stop().stop(stopped)

    async def sync_due(self, due: Mapping[str, datetime]) -> SyncReport:
        """Sync the wallets of ``due`` (id: scheduled time) that are not synced for that time yet.

        It takes three round trips to the database for any number of wallets: lease them, read their documents with the
        credentials and the paper accounts, and store the outcomes. Wallets that were deleted, stopped or synced
        meanwhile are left out, and so are those that another worker has leased.
        """
        started_at = self._now()
        lease = SyncLease(str(uuid.uuid4()), started_at + LEASE)
        wallets, broken, accounts = WalletsWithAccounts((), (), {})
        if await self._due.claim(due, lease, started_at):
            wallets, broken, accounts = await self._connector.read_leased(due, lease.token)
        now = self._now()
        work = [(scheduled_run(wallet.id, due[wallet.id], now), wallet) for wallet in wallets]
        outcomes, unwritten = await self._committed(await self._queries.many(work, accounts))
        again = now + retry_delay(FAILURES_UNTIL_ERROR, self._jitter())
        unreadable = [UnreadableWallet(name, due[name], again) for name in broken]
        unstored = unwritten | await self._sync_log.record(lease.token, outcomes, unreadable)
        await self._stop_buys(outcomes)
        report = _report([outcome for outcome in outcomes if outcome.before.id not in unstored], len(broken))
        postponed = len(wallets) - len(outcomes) - len(unwritten)
        return replace(report, postponed=postponed, unstored=frozenset(unstored), took=self._now() - started_at)


def _report(outcomes: Sequence[SyncOutcome], broken: int) -> SyncReport:
    logs = [outcome.log for outcome in outcomes if outcome.log is not None]
    lost = sum(entry.status is SyncStatus.FAILED for entry in logs)
    return SyncReport(
        synced=len(outcomes) - lost,
        failed=lost + broken,
        unbalanced=sum(entry.balanced is False for entry in logs),
        corrected=sum(outcome.corrected for outcome in outcomes),
    )
