"""A key source that tells tests when a key is requested."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from moniqo_core.credentials.key_ring import Key, KeyRing
from moniqo_core.credentials.key_source import FixedKeys
from moniqo_core.domain.clock import utc_now


async def _at_once() -> None:
    """Answer without a wait."""


class WatchedKeys(FixedKeys):
    """One key, ``k``. A decryption requests it once, and gets it after ``wait``."""

    def __init__(self, material: bytes, wait: Callable[[], Awaitable[None]] = _at_once) -> None:
        super().__init__(KeyRing({"k": Key("k", material, utc_now() - timedelta(days=1))}), utc_now())
        self.requests = 0
        self._wait = wait

    async def key(self, kid: str) -> Key:
        self.requests += 1
        await self._wait()
        return await super().key(kid)
