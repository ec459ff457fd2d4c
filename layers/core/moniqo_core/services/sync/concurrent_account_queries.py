"""Query accounts for the data of a sync: one open account, or many accounts concurrently."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Final

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import (
    TemporarilyUnavailableError,
    WalletConnectionError,
    WalletDeletedError,
    WalletError,
)
from moniqo_core.domain.sync.account_statement import previous_sync_of
from moniqo_core.domain.sync.outcome import SyncOutcome, SyncRun, SyncType
from moniqo_core.domain.sync.outcome_rules import account_deleted, failed, succeeded
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.paper.snapshots import LoadedAccount
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.connector import WalletConnector

log: Final = logging.getLogger("moniqo")

AT_ONCE_PER_VENUE: Final = 10
SECONDS_PER_WALLET: Final = 10.0
LONGEST_REST: Final = 16
"""Seconds that a wallet waits while its venue's circuit breaker is open. After that its sync fails."""
SECONDS_PER_BATCH: Final = 40.0
"""Seconds after which no query is started. The worker must finish before its Lambda time-out, and the next scheduled
run syncs the remaining wallets."""

Work = Sequence[tuple[SyncRun, UserWallet]]


class AccountQueries:
    """Queries accounts. One that fails or hangs delays the others of its venue by at most its time limit."""

    def __init__(self, connector: WalletConnector, now: Clock, jitter: Callable[[], float]) -> None:
        """Open accounts with ``connector``. ``jitter`` returns a random number in [0, 1) that spreads retries."""
        self._connector = connector
        self._now = now
        self._jitter = jitter

    async def many(self, work: Work, accounts: Mapping[str, LoadedAccount] | None = None) -> Sequence[SyncOutcome]:
        """Query wallets concurrently, a few per venue. Wallets whose query did not start in time have no outcome.

        ``accounts`` are those of the paper wallets by id, if they are read.

        Wallets that failed last time come last. They may use up their time limit or open the venue's circuit breaker,
        and this way no other wallet is queried after them.
        """
        if not work:
            return ()
        work = sorted(work, key=lambda pair: pair[1].connection.retry_count)
        connected = await self._connector.connect_many([wallet for _, wallet in work], accounts)
        slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE_PER_VENUE))
        begun: set[str] = set()

        async def bounded(run: SyncRun, wallet: UserWallet) -> SyncOutcome:
            async with slots[wallet.wallet_slug]:
                begun.add(wallet.id)
                return await self._with_retries(run, wallet, connected.get(wallet.id))

        tasks = [asyncio.create_task(bounded(run, wallet)) for run, wallet in work]
        done, late = await asyncio.wait(tasks, timeout=SECONDS_PER_BATCH)
        for task in late:
            task.cancel()
        outcomes = [task.result() for task in tasks if task in done]
        # A query that is still running now ignored its own time-out. It counts as failed.
        hung = [pair for pair, task in zip(work, tasks, strict=True) if task in late and pair[1].id in begun]
        return [*outcomes, *(self._failed(run, wallet, WalletConnectionError()) for run, wallet in hung)]

    async def one(
        self, run: SyncRun, wallet: UserWallet, account: BaseWallet
    ) -> tuple[SyncOutcome, WalletError | None]:
        """Query an open account once and leave it open. Returns the outcome, and the error if there was one."""
        return await self._try(run, wallet, account, stays_open=True)

    async def _with_retries(self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None) -> SyncOutcome:
        """Query the account. A scheduled sync pauses and retries while the venue's circuit breaker is open."""
        rested = 0.0
        while True:
            outcome, error = await self._try(run, wallet, connected)
            resting = isinstance(error, TemporarilyUnavailableError) and run.type is SyncType.SCHEDULED
            rest = min(error.retry_after or 0, LONGEST_REST) if error is not None and resting else 0
            if not rest or rested >= LONGEST_REST:
                return outcome
            pause = rest + self._jitter()
            rested += pause
            await asyncio.sleep(pause)

    async def _try(
        self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None, *, stays_open: bool = False
    ) -> tuple[SyncOutcome, WalletError | None]:
        error: WalletError
        try:
            if connected is None:
                raise WalletConnectionError
            async with asyncio.timeout(SECONDS_PER_WALLET), nullcontext() if stays_open else connected:
                trading = run.type is SyncType.PRE_TRADE
                statement = await connected.statement(previous_sync_of(wallet.balance), trading=trading)
            return succeeded(run, wallet, statement, self._now()), None
        except WalletDeletedError as deleted:
            return account_deleted(run, wallet, self._now()), deleted
        except WalletError as refusal:
            error = refusal
        except TimeoutError:
            error = WalletConnectionError()
        except Exception as failure:
            log.exception("sync failed", extra={"fields": {"user_wallet_id": wallet.id}})
            error = TemporarilyUnavailableError() if is_outage(failure) else WalletError()
        return self._failed(run, wallet, error), error

    def _failed(self, run: SyncRun, wallet: UserWallet, error: WalletError) -> SyncOutcome:
        return failed(run, wallet, error, self._now(), self._jitter)
