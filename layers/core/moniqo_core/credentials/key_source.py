"""Where the key ring comes from: one secret in Secrets Manager, read seldom and cached.

The cache lives as long as the execution environment and is renewed after :data:`CACHE_SECONDS`. A key id it does not
know forces one early renewal, because another environment may have started to use a new key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, ParamSpec, Protocol, TypeVar

from moniqo_core.credentials.key_ring import Key, KeyRing, new_key
from moniqo_core.credentials.key_ring_secret import KeyRingSecret
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import DecryptionError, TemporarilyUnavailableError

CACHE_SECONDS: Final = 300.0
# Many wallets with the same lost key must not turn into as many calls to Secrets Manager.
FORCED_REFRESH_SECONDS: Final = 1.0
# An answer that trickles in never meets a time-out of its connection.
CALL_TIMEOUT_SECONDS: Final = 10.0


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class KeySource(Protocol):
    """Hands out keys by id, and the one to write with."""

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``; raises DecryptionError when nobody has it."""
        ...

    async def writing_key(self) -> Key:
        """Return the key to encrypt with now; raises EncryptionError when there is none."""
        ...


class FixedKeys:
    """Keys of a ring that is at hand, as they are used at one moment."""

    def __init__(self, ring: KeyRing, at: datetime) -> None:
        """Hold ``ring``."""
        self._ring = ring
        self._at = at

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``; raises DecryptionError when the ring does not have it."""
        return _key(self._ring, kid)

    async def writing_key(self) -> Key:
        """Return the key to encrypt with; raises EncryptionError when there is none."""
        return self._ring.writing_key(self._at)


class SecretsManagerKeys:
    """Keys of one secret. The first writer fills a secret that has no key yet."""

    def __init__(
        self, stored: KeyRingSecret, *, monotonic: Callable[[], float] = time.monotonic, now: Clock = utc_now
    ) -> None:
        """Read ``stored`` when a key is first needed."""
        self._stored = stored
        self._monotonic = monotonic
        self._now = now
        self._ring = KeyRing({})
        self._loaded_at: float | None = None
        self._lock = asyncio.Lock()

    async def ring(self) -> KeyRing:
        """Return all keys; the ring is empty until somebody encrypted something."""
        await self._renew(CACHE_SECONDS)
        return self._ring

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``, reading the secret once more when the cache does not know it."""
        await self._renew(CACHE_SECONDS)
        if kid not in self._ring.keys:
            await self._renew(FORCED_REFRESH_SECONDS)
        if not self._ring.keys:
            # Something was encrypted, so there was a ring: the secret is the wrong one, or was emptied.
            raise TemporarilyUnavailableError("The key store has no keys.", retry_after=60)
        return _key(self._ring, kid)

    async def writing_key(self) -> Key:
        """Return the newest key in use, making the first one when the secret is empty."""
        await self._renew(CACHE_SECONDS)
        if not self._ring.keys:
            await self._bootstrap()
        return self._ring.writing_key(self._now())

    async def _renew(self, max_age: float) -> None:
        async with self._lock:
            if self._loaded_at is not None and self._monotonic() - self._loaded_at < max_age:
                return
            await self._load()

    async def _load(self) -> None:
        # The ring is as old as the question, however long the answer takes.
        asked_at = self._monotonic()
        self._ring = await in_thread(self._stored.read)
        self._loaded_at = asked_at

    async def _bootstrap(self) -> None:
        # In use at once: there is no reader yet that could miss it.
        first = new_key(self._now())
        async with self._lock:
            await in_thread(self._stored.add_first, first)
            await self._load()


async def in_thread(work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """Let a call to Secrets Manager block a thread; raises TemporarilyUnavailableError when it takes too long."""
    try:
        async with asyncio.timeout(CALL_TIMEOUT_SECONDS):
            return await asyncio.to_thread(work, *arguments, **named)
    except TimeoutError:
        raise TemporarilyUnavailableError("The key store did not answer in time.", retry_after=5) from None


def _key(ring: KeyRing, kid: str) -> Key:
    try:
        return ring.keys[kid]
    except KeyError:
        raise DecryptionError("The stored credentials were encrypted with a key that no longer exists.") from None
