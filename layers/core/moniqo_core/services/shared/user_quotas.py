"""Limits per user on requests per minute and on wallets. A deployment sets the numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.counting import counted
from moniqo_core.domain.errors import (
    QuotaReachedError,
    RateLimitExceededError,
    TemporarilyUnavailableError,
    WalletError,
)
from moniqo_core.storage.rate_counters import Count, RateCounters
from moniqo_core.storage.wallets.wallet_slots import GRACE, WalletSlots

MINUTE: Final = timedelta(minutes=1)

Result = TypeVar("Result")


class Permit:
    """One request that may count against the limit of its user."""

    def __init__(self, count: Count) -> None:
        """Count with ``count``, which nothing has taken yet."""
        self.count = count

    @property
    def refusal(self) -> Exception | None:
        """The RateLimitExceededError if the limit is known to be reached, None otherwise."""
        return self.count.error() if self.count.is_refused else None

    def require(self) -> None:
        """Raise RateLimitExceededError if the limit is reached."""
        if self.count.is_refused:
            raise self.count.error()

    async def take_while(self, reading: Awaitable[Result]) -> Result:
        """Count the request while ``reading`` runs. If ``reading`` raises, the request does not count."""
        counting = asyncio.create_task(self.count.take())
        try:
            read = await reading
        except Exception:
            await counting
            await self.release()
            raise
        await counting
        return read

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
        """Take the request back out of the count, if it was counted."""
        await self.count.release()


class PerMinute:
    """Allows at most ``limit`` requests of one kind per user in each minute of the clock."""

    def __init__(self, what: str, limit: int, counters: RateCounters, now: Clock = utc_now) -> None:
        """Count requests named ``what``, a plural noun for error texts. ``counters`` have windows of one minute."""
        self._what = what
        self._limit = limit
        self._counters = counters
        self._now = now

    def permit(self, user_id: str) -> Permit:
        """Return the permit of one request. Nothing is counted yet."""
        now = self._now()
        return Permit(self._counters.count(self._key(user_id), self._limit, now, lambda: self._refusal(now)))

    async def count_while(self, user_id: str, reading: Awaitable[Result]) -> tuple[Result, Permit]:
        """Count a request while ``reading`` runs. If ``reading`` raises, the request does not count."""
        permit = self.permit(user_id)
        return await permit.take_while(reading), permit

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
