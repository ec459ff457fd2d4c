"""Read keys from the secret in Secrets Manager and cache them.

The cache lives as long as the execution environment and is renewed after :data:`CACHE_SECONDS`. An unknown key id
forces one early renewal, because another environment may have started to use a new key.
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
# Many wallets that need the same lost key must not cause a call to Secrets Manager each.
FORCED_REFRESH_SECONDS: Final = 1.0
# A response that arrives byte by byte never triggers the time-out of its connection.
CALL_TIMEOUT_SECONDS: Final = 10.0


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class KeySource(Protocol):
    """Returns keys by id, and the key to encrypt with."""

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``. Raise DecryptionError when it does not exist."""
        ...

    async def writing_key(self) -> Key:
        """Return the key to encrypt with now. Raise EncryptionError when there is none."""
        ...

    async def account_key(self) -> bytes:
        """Return the key of account fingerprints, which never changes. Raise EncryptionError when there is none."""
        ...


class FixedKeys:
    """Keys of a given ring at one fixed time."""

    def __init__(self, ring: KeyRing, at: datetime) -> None:
        """Use ``ring`` as writers do at the time ``at``."""
        self._ring = ring
        self._at = at

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``. Raise DecryptionError when the ring does not have it."""
        return _key(self._ring, kid)

    async def writing_key(self) -> Key:
        """Return the key to encrypt with. Raise EncryptionError when there is none."""
        return self._ring.writing_key(self._at)

    async def account_key(self) -> bytes:
        """Return the key of account fingerprints. Raise EncryptionError when there is none."""
        return self._ring.account_key


class SecretsManagerKeys:
    """Keys of one secret. Encrypting never writes it: a rotation adds keys, or :meth:`add_first_key` the first one."""

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
        """Return all keys. The ring is empty until a rotation or :meth:`add_first_key` has made the first one."""
        await self._renew(CACHE_SECONDS)
        return self._ring

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``. The secret is read again when the cache does not have the key.

        Raises:
            DecryptionError: the key does not exist.
            TemporarilyUnavailableError: the key store does not answer or has no keys.

        """
        await self._renew(CACHE_SECONDS)
        if kid not in self._ring.keys:
            await self._renew(FORCED_REFRESH_SECONDS)
        if not self._ring.keys:
            # A stored text names a key, so a ring existed. This is the wrong secret, or its value was lost.
            raise TemporarilyUnavailableError("The key store has no keys.", retry_after=60)
        return _key(self._ring, kid)

    async def writing_key(self) -> Key:
        """Return the newest key in use. Raise EncryptionError while the secret has none."""
        await self._renew(CACHE_SECONDS)
        if not self._ring.keys:
            await self._renew(FORCED_REFRESH_SECONDS)  # another environment may have added the first key
        return self._ring.writing_key(self._now())

    async def add_first_key(self) -> None:
        """Add a key to a ring that has none. Concurrent callers agree on one key, which is used at once.

        It needs the right to write the secret. Do not call it in a function that answers requests from outside.

        Raises:
            TemporarilyUnavailableError: the key store does not answer.

        """
        if (await self.ring()).keys:
            return
        async with self._lock:
            await in_thread(self._stored.add_first, new_key(self._now()))
            await self._load()

    async def account_key(self) -> bytes:
        """Return the key of account fingerprints. Raise EncryptionError while the secret has no key."""
        await self._renew(CACHE_SECONDS)
        if not self._ring.keys:
            await self._renew(FORCED_REFRESH_SECONDS)  # another environment may have added the first key
        return self._ring.account_key

    async def _renew(self, max_age: float) -> None:
        async with self._lock:
            if self._loaded_at is not None and self._monotonic() - self._loaded_at < max_age:
                return
            await self._load()

    async def _load(self) -> None:
        # The age of the ring counts from the request, because the response may take long.
        asked_at = self._monotonic()
        self._ring = await in_thread(self._stored.read)
        self._loaded_at = asked_at


async def in_thread(work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """Run a blocking call to Secrets Manager in a thread. Raise TemporarilyUnavailableError on a time-out."""
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
