"""Keeping balance snapshots true: one wallet by hand, many from the queue, all through the same code."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Final

from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.errors import (
    RateLimitExceededError,
    TemporarilyUnavailableError,
    WalletConnectionError,
    WalletDeletedError,
    WalletError,
)
from moniqo.domain.sync import (
    FAILURES_UNTIL_ERROR,
    SyncOutcome,
    SyncRun,
    SyncStatus,
    SyncType,
    failed,
    gone,
    opening_of,
    retry_delay,
    scheduled_run,
    succeeded,
)
from moniqo.domain.user_wallet import UserWallet
from moniqo.services.limits import PerMinute
from moniqo.storage.sync_log import SyncLogStore, Unreadable
from moniqo.storage.user_wallets import Lease, UserWalletStore
from moniqo.wallets.base import BaseWallet
from moniqo.wallets.registry import WalletConnector

log: Final = logging.getLogger("moniqo")

AT_ONCE_PER_VENUE: Final = 10
SECONDS_PER_WALLET: Final = 10.0
LONGEST_REST: Final = 16
"""Seconds a wallet waits for its venue to be asked again, after others had no answer from it."""
SECONDS_PER_BATCH: Final = 40.0
"""What is not begun by then waits for the next turn of the schedule: the worker must end before Lambda ends it."""

LEASE: Final = timedelta(seconds=60)
"""At least as long as a worker may live."""
LEASE_BY_HAND: Final = timedelta(seconds=20)

_share: Final = SystemRandom().random

Work = Sequence[tuple[SyncRun, UserWallet]]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How many wallets of a batch were synced, failed, and were put off for want of time.

    ``unbalanced`` counts those synced whose balance equation has a residue, ``mended`` those whose document did not
    show what the journal says; ``unstored`` are those to be delivered again.
    """

    synced: int = 0
    failed: int = 0
    put_off: int = 0
    unbalanced: int = 0
    mended: int = 0
    unstored: frozenset[str] = frozenset()
    took: timedelta = timedelta(0)


class BalanceSync:
    """Syncs balances. One wallet that fails or hangs costs the others nothing but its share of time at its venue."""

    def __init__(
        self,
        wallets: UserWalletStore,
        sync_log: SyncLogStore,
        connector: WalletConnector,
        limit: PerMinute,
        now: Clock = utc_now,
        share: Callable[[], float] = _share,
    ) -> None:
        """Use these stores.

        ``limit`` is on the syncs a user asks for; ``share`` gives the jitter of retries, a number in [0, 1).
        """
        self._wallets = wallets
        self._sync_log = sync_log
        self._connector = connector
        self._limit = limit
        self._now = now
        self._share = share

    async def sync_one(self, user_id: str, user_wallet_id: str, sync_type: SyncType = SyncType.MANUAL) -> SyncOutcome:
        """Sync an owner's wallet now, whatever its status.

        Raises:
            NotFoundError: the owner has no such wallet.
            RateLimitExceededError: another sync of it is under way, or the user asked for too many within this minute.

        """
        wallet = await self._permitted(user_id, user_wallet_id, sync_type)
        now = self._now()
        lease = Lease(str(uuid.uuid4()), now + LEASE_BY_HAND)
        if not await self._wallets.claim_one(wallet, lease, now):
            raise RateLimitExceededError("The balance is being synced just now.", retry_after=2)
        (outcome,) = await self._sync([(SyncRun(f"{wallet.id}:{lease.token}", sync_type, now), wallet)])
        await self._sync_log.record(lease.token, [outcome])
        return outcome

    async def _permitted(self, user_id: str, user_wallet_id: str, sync_type: SyncType) -> UserWallet:
        reading = self._wallets.get(user_id, user_wallet_id)
        if sync_type is not SyncType.MANUAL:
            return await reading
        wallet, permit = await self._limit.beside(user_id, reading)
        permit.require()
        return wallet

    async def sync_due(self, due: Mapping[str, datetime]) -> SyncReport:
        """Sync the wallets of ``due`` (id: scheduled time) that were not synced for that time yet.

        Four round trips to the database, however many wallets there are: a lease on all of them, their documents with
        the credentials, the paper accounts among them, and what came of it. Wallets that were deleted, stopped or
        synced meanwhile, or that another worker is at, are left out.
        """
        started_at = self._now()
        lease = Lease(str(uuid.uuid4()), started_at + LEASE)
        wallets, broken = await self._wallets.claim(due, lease, started_at)
        now = self._now()
        outcomes = await self._sync([(scheduled_run(wallet.id, due[wallet.id], now), wallet) for wallet in wallets])
        again = now + retry_delay(FAILURES_UNTIL_ERROR, self._share())
        unreadable = [Unreadable(name, due[name], again) for name in broken]
        unstored = await self._sync_log.record(lease.token, outcomes, unreadable)
        report = _report([outcome for outcome in outcomes if outcome.before.id not in unstored], len(broken))
        put_off = len(wallets) - len(outcomes)
        return replace(report, put_off=put_off, unstored=unstored, took=self._now() - started_at)

    async def _sync(self, work: Work) -> Sequence[SyncOutcome]:
        """Sync wallets side by side, each venue's a few at a time; what was not begun in time is left out.

        Those that failed last time come last: they may take all their time, and whatever they do to the venue's
        breaker, nobody else is asked about after them.
        """
        if not work:
            return ()
        work = sorted(work, key=lambda pair: pair[1].connection.retry_count)
        connected = await self._connector.connect_many([wallet for _, wallet in work])
        turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE_PER_VENUE))
        begun: set[str] = set()

        async def in_turn(run: SyncRun, wallet: UserWallet) -> SyncOutcome:
            async with turns[wallet.wallet_slug]:
                begun.add(wallet.id)
                return await self._sync_wallet(run, wallet, connected.get(wallet.id))

        tasks = [asyncio.create_task(in_turn(run, wallet)) for run, wallet in work]
        done, late = await asyncio.wait(tasks, timeout=SECONDS_PER_BATCH)
        for task in late:
            task.cancel()
        outcomes = [task.result() for task in tasks if task in done]
        # Cancelled at its own time-out and still there: it is not waited for.
        hung = [pair for pair, task in zip(work, tasks, strict=True) if task in late and pair[1].id in begun]
        return [*outcomes, *(self._failed(run, wallet, WalletConnectionError()) for run, wallet in hung)]

    async def _sync_wallet(self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None) -> SyncOutcome:
        """Ask a wallet's account, again and again for a while when its venue, not the wallet, is left in peace."""
        rested = 0.0
        while True:
            outcome, rest = await self._try(run, wallet, connected)
            if not rest or rested >= LONGEST_REST:
                return outcome
            pause = rest + self._share()
            rested += pause
            await asyncio.sleep(pause)

    async def _try(
        self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None
    ) -> tuple[SyncOutcome, int | None]:
        if connected is None:
            return self._failed(run, wallet, WalletConnectionError()), None
        try:
            async with asyncio.timeout(SECONDS_PER_WALLET), connected:
                statement = await connected.statement(opening_of(wallet.balance))
        except WalletDeletedError:
            return gone(run, wallet, self._now()), None
        except WalletError as error:
            resting = isinstance(error, TemporarilyUnavailableError) and run.type is SyncType.SCHEDULED
            return self._failed(run, wallet, error), min(error.retry_after or 0, LONGEST_REST) if resting else None
        except TimeoutError:
            return self._failed(run, wallet, WalletConnectionError()), None
        except Exception:
            log.exception("sync failed", extra={"fields": {"user_wallet_id": wallet.id}})
            return self._failed(run, wallet, WalletError()), None
        return succeeded(run, wallet, statement, self._now()), None

    def _failed(self, run: SyncRun, wallet: UserWallet, error: WalletError) -> SyncOutcome:
        return failed(run, wallet, error, self._now(), self._share)


def _report(outcomes: Sequence[SyncOutcome], broken: int) -> SyncReport:
    logs = [outcome.log for outcome in outcomes if outcome.log is not None]
    lost = sum(entry.status is SyncStatus.FAILED for entry in logs)
    return SyncReport(
        synced=len(outcomes) - lost,
        failed=lost + broken,
        unbalanced=sum(entry.balanced is False for entry in logs),
        mended=sum(outcome.mended for outcome in outcomes),
    )
