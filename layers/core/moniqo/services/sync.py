"""Keeping balance snapshots true: one wallet by hand, many from the queue, all through the same code."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom
from typing import Final

from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.errors import WalletConnectionError, WalletError
from moniqo.domain.sync import SyncOutcome, SyncRun, SyncStatus, SyncType, failed, scheduled_run, succeeded
from moniqo.domain.user_wallet import BalanceSnapshot, SnapshotAsset, UserWallet
from moniqo.domain.valuation import Valuation
from moniqo.services.limits import PerMinute
from moniqo.storage.sync_log import SyncLogStore
from moniqo.storage.user_wallets import UserWalletStore
from moniqo.wallets.base import BaseWallet
from moniqo.wallets.registry import WalletConnector

log: Final = logging.getLogger("moniqo")

MAX_AT_ONCE: Final = 10
SECONDS_PER_WALLET: Final = 10.0

_share: Final = SystemRandom().random


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How many wallets of a batch were synced and how many failed; ``unstored`` are those to be delivered again."""

    synced: int
    failed: int
    unstored: frozenset[str]
    took: timedelta


class BalanceSync:
    """Syncs balances. One wallet that fails or hangs costs the others nothing but its share of time."""

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

    async def sync_one(self, user_id: str, user_wallet_id: str) -> SyncOutcome:
        """Sync an owner's wallet now, whatever its status.

        Raises:
            NotFoundError: the owner has no such wallet.
            RateLimitExceededError: the user asked for too many syncs within this minute.

        """
        wallet, permit = await self._limit.beside(user_id, self._wallets.get(user_id, user_wallet_id))
        permit.require()
        run = SyncRun(f"{wallet.id}:{uuid.uuid4()}", SyncType.MANUAL, self._now())
        (outcome,) = await self._sync([(run, wallet)])
        await self._sync_log.record([outcome])
        return outcome

    async def sync_due(self, due: Mapping[str, datetime]) -> SyncReport:
        """Sync the wallets of ``due`` (id: scheduled time) that were not synced for that time yet.

        Three round trips to the database, however many wallets there are. Wallets that were deleted, paused or synced
        meanwhile are left out.
        """
        started_at = self._now()
        wallets = await self._wallets.find_for_sync(due)
        now = self._now()
        outcomes = await self._sync([(scheduled_run(wallet.id, due[wallet.id], now), wallet) for wallet in wallets])
        unstored = await self._sync_log.record(outcomes)
        stored = [outcome.log.status for outcome in outcomes if outcome.before.id not in unstored]
        lost = stored.count(SyncStatus.FAILED)
        return SyncReport(len(stored) - lost, lost, unstored, self._now() - started_at)

    async def _sync(self, work: Sequence[tuple[SyncRun, UserWallet]]) -> Sequence[SyncOutcome]:
        if not work:
            return ()
        connected = await self._connector.connect_many([wallet for _, wallet in work])
        turn = asyncio.Semaphore(MAX_AT_ONCE)

        async def in_turn(run: SyncRun, wallet: UserWallet) -> SyncOutcome:
            async with turn:
                return await self._sync_wallet(run, wallet, connected.get(wallet.id))

        return await asyncio.gather(*(in_turn(run, wallet) for run, wallet in work))

    async def _sync_wallet(self, run: SyncRun, wallet: UserWallet, connected: BaseWallet | None) -> SyncOutcome:
        if connected is None:
            return self._failed(run, wallet, WalletConnectionError)
        try:
            async with asyncio.timeout(SECONDS_PER_WALLET), connected:
                value = await connected.valuation()
        except WalletError as error:
            return self._failed(run, wallet, type(error))
        except TimeoutError:
            return self._failed(run, wallet, WalletConnectionError)
        except Exception:
            log.exception("sync failed", extra={"fields": {"user_wallet_id": wallet.id}})
            return self._failed(run, wallet, WalletError)
        now = self._now()
        partial = value.stale or any(held.value_usd is None for held in value.assets)
        return succeeded(run, wallet, _snapshot(value, now), partial=partial, now=now)

    def _failed(self, run: SyncRun, wallet: UserWallet, error: type[WalletError]) -> SyncOutcome:
        return failed(run, wallet, error, self._now(), self._share)


def _snapshot(value: Valuation, now: datetime) -> BalanceSnapshot:
    assets = (SnapshotAsset(held.asset, held.free, held.locked, held.total, held.value_usd) for held in value.assets)
    return BalanceSnapshot(now, tuple(assets), value.total_value_usd, value.realised_pnl, value.unrealised_pnl)
