"""Limits per user on requests per minute and on wallets. A deployment sets the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import (
    QuotaReachedError,
    RateLimitExceededError,
    TemporarilyUnavailableError,
    WalletError,
)
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.wallets.wallet_slots import GRACE, WalletSlots

MINUTE: Final = timedelta(minutes=1)

Result = TypeVar("Result")


class Permit(NamedTuple):
    """One counted request. ``refusal`` is the error if the limit is reached, None otherwise."""

    limit: PerMinute
    user_id: str
    at: datetime
    refusal: RateLimitExceededError | None

    def require(self) -> None:
        """Raise RateLimitExceededError if the limit is reached."""
        if self.refusal is not None:
            raise self.refusal

    async def spend(self, work: Awaitable[Result]) -> Result:
        """Await ``work``. If it raises a refusal, the request no longer counts."""
        try:
            return await work
        except TemporarilyUnavailableError:  # the work may have been done, so it counts
            raise
        except WalletError:
            await self.release()
            raise

    async def release(self) -> None:
        """Take the request back out of the count."""
        if self.refusal is None:
            await self.limit.release(self)


class PerMinute:
    """Allows at most ``limit`` requests of one kind per user in each minute of the clock."""

    def __init__(self, what: str, limit: int, counters: RateCounters, now: Clock = utc_now) -> None:
        """Count requests named ``what``, a plural noun for error texts. ``counters`` have windows of one minute."""
        self._what = what
        self._limit = limit
        self._counters = counters
        self._now = now

    async def count_while(self, user_id: str, reading: Awaitable[Result]) -> tuple[Result, Permit]:
        """Count a request while ``reading`` runs. If ``reading`` raises, the request does not count."""
        now = self._now()
        counting = asyncio.create_task(self._counters.take(self._key(user_id), self._limit, now))
        try:
            read = await reading
        except Exception:
            if await counting:
                await self._counters.release(self._key(user_id), now)
            raise
        return read, Permit(self, user_id, now, None if await counting else self._refusal(now))

    async def release(self, permit: Permit) -> None:
        """Take the request of a permit back out of the count."""
        await self._counters.release(self._key(permit.user_id), permit.at)

    def _refusal(self, now: datetime) -> RateLimitExceededError:
        return RateLimitExceededError(
            f"A user may request at most {self._limit} {self._what} a minute.",
            retry_after=self._counters.seconds_left(now),
            limit=self._limit,
            window_seconds=int(MINUTE.total_seconds()),
        )

    def _key(self, user_id: str) -> str:
        return f"{self._what}:{user_id}"


class WalletLimit:
    """Allows at most ``limit`` wallets per user. Deleted wallets do not count."""

    def __init__(self, limit: int, slots: WalletSlots, now: Clock = utc_now) -> None:
        """Count with ``slots``."""
        self._limit = limit
        self._slots = slots
        self._now = now

    async def claim(self, user_id: str, user_wallet_id: str) -> None:
        """Take a slot for a wallet that is about to be stored, or raise QuotaReachedError."""
        if not await self._slots.take(user_id, user_wallet_id, self._limit, self._now()):
            raise QuotaReachedError(
                f"You have {counted(self._limit, 'wallet')}, the most a user may have.",
                retry_after=int(GRACE.total_seconds()),
                hint="Delete a wallet you no longer use with DELETE /wallets/{id}, then try again.",
                limit=self._limit,
            )
