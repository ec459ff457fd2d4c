"""Asking accounts for what a sync stores: one that is open already, or many side by side."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
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
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.connector import WalletConnector

log: Final = logging.getLogger("moniqo")

AT_ONCE_PER_VENUE: Final = 10
SECONDS_PER_WALLET: Final = 10.0
LONGEST_REST: Final = 16
"""Seconds a wallet waits for its venue to be asked again, after others had no answer from it."""
SECONDS_PER_BATCH: Final = 40.0
"""What is not begun by then waits for the next scheduled run: the worker must end before Lambda ends it."""

Work = Sequence[tuple[SyncRun, UserWallet]]


class AccountQueries:
    """Looks at accounts. One that fails or hangs costs the others nothing but its share of time at its venue."""

    def __init__(self, connector: WalletConnector, now: Clock, jitter: Callable[[], float]) -> None:
        """Open accounts with ``connector``; ``share`` gives the jitter of retries, a number in [0, 1)."""
        self._connector = connector
        self._now = now
        self._jitter = jitter

    async def many(self, work: Work) -> Sequence[SyncOutcome]:
        """Ask about wallets side by side, each venue's a few at a time; what was not begun in time is left out.

        Those that failed last time come last: they may take all their time, and whatever they do to the venue's
        breaker, nobody else is asked about after them.
        """
        if not work:
            return ()
        work = sorted(work, key=lambda pair: pair[1].connection.retry_count)
        connected = await self._connector.connect_many([wallet for _, wallet in work])
        slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE_PER_VENUE))
        begun: set[str] = set()

        async def bounded(run: SyncRun, wallet: UserWallet) -> SyncOutcome:
            async with slots[wallet.wallet_slug]:
                begun.add(wallet.id)
                return await self._patiently(run, wallet, connected.get(wallet.id))

        tasks = [asyncio.create_task(bounded(run, wallet)) for run, wallet in work]
        done, late = await asyncio.wait(tasks, timeout=SECONDS_PER_BATCH)
        for task in late:
            task.cancel()
        outcomes = [task.result() for task in tasks if task in done]
        # Cancelled at its own time-out and still there: it is not waited for.
        hung = [pair for pair, task in zip(work, tasks, strict=True) if task in late and pair[1].id in begun]
        return [*outcomes, *(self._failed(run, wallet, WalletConnectionError()) for run, wallet in hung)]

    async def one(
        self, run: SyncRun, wallet: UserWallet, account: BaseWallet
    ) -> tuple[SyncOutcome, WalletError | None]:
        """Ask an account that is open and stays open, once; returns also what kept it from answering."""
        return await self._try(run, wallet, account, stays_open=True)

    async def _patiently(self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None) -> SyncOutcome:
        """Ask a wallet's account, again and again for a while when its venue, not the wallet, is left in peace."""
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
