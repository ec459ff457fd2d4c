"""What one user may do: so much a minute, and so many wallets. A deployment sets the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import RateLimitExceededError, TemporarilyUnavailableError, WalletError
from moniqo_core.storage.rate_counters import RateCounters
from moniqo_core.storage.wallets.wallet_slots import GRACE, WalletSlots

MINUTE: Final = timedelta(minutes=1)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Permit:
    """One of the things counted: ``refusal`` is why it may not be done, None when it may."""

    limit: PerMinute
    user_id: str
    at: datetime
    refusal: RateLimitExceededError | None

    def require(self) -> None:
        """Raise the refusal, if there is one."""
        if self.refusal is not None:
            raise self.refusal

    async def spend(self, work: Awaitable[Result]) -> Result:
        """Do what was counted; when it is refused it does not count."""
        try:
            return await work
        except TemporarilyUnavailableError:  # it may have been done
            raise
        except WalletError:
            await self.release()
            raise

    async def release(self) -> None:
        """Uncount it."""
        if self.refusal is None:
            await self.limit.release(self)


class PerMinute:
    """At most ``limit`` of one thing per user in each minute of the clock."""

    def __init__(self, what: str, limit: int, counters: RateCounters, now: Clock = utc_now) -> None:
        """Count ``what``, a plural noun, with ``counters`` of one minute."""
        self._what = what
        self._limit = limit
        self._counters = counters
        self._now = now

    async def beside(self, user_id: str, reading: Awaitable[Result]) -> tuple[Result, Permit]:
        """Count one while ``reading`` is under way; what ``reading`` raises is raised, and not counted."""
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
        """Uncount what a permit stands for."""
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
    """At most ``limit`` wallets per user, deleted ones not counted."""

    def __init__(self, limit: int, slots: WalletSlots, now: Clock = utc_now) -> None:
        """Count with ``slots``."""
        self._limit = limit
        self._slots = slots
        self._now = now

    async def claim(self, user_id: str, user_wallet_id: str) -> None:
        """Take a slot for a wallet that is about to be made; raises RateLimitExceededError."""
        if not await self._slots.take(user_id, user_wallet_id, self._limit, self._now()):
            raise RateLimitExceededError(
                f"You have {counted(self._limit, 'wallet')}, the most a user may have.",
                retry_after=int(GRACE.total_seconds()),
                hint="Delete a wallet you no longer use with DELETE /wallets/{id}, then try again.",
                limit=self._limit,
            )
