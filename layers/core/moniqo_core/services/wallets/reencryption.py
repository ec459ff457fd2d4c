"""Re-encrypt stored credentials with the key in use, so that older keys can be removed from the ring.

A ciphertext is replaced only if it is still the one that was read, so credentials that a user stores meanwhile stay.
After an interrupted run every ciphertext can still be decrypted, and the next run continues.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from moniqo_core.credentials.cipher import CredentialCipher, stored_prefix
from moniqo_core.credentials.key_ring import Key
from moniqo_core.credentials.key_source import SecretsManagerKeys
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import DecryptionError
from moniqo_core.storage.wallets.ciphertexts import Ciphertext, CiphertextStore

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class ReencryptionReport:
    """The numbers of ciphertexts that were moved, are unreadable, or are readable and left under superseded keys.

    ``key_age`` is the time since the last rotation.
    """

    moved: int
    unreadable: int
    left: int
    key_age: timedelta


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key, whether writers use it now, and the number of ciphertexts that need it."""

    key: Key
    is_writing: bool
    documents: int


class Reencryption:
    """Re-encrypts credentials under superseded keys, and counts ciphertexts per key."""

    def __init__(
        self, stored: CiphertextStore, cipher: CredentialCipher, keys: SecretsManagerKeys, now: Clock = utc_now
    ) -> None:
        """Re-encrypt the ciphertexts of ``stored``. ``cipher`` must use the keys of ``keys``."""
        self._stored = stored
        self._cipher = cipher
        self._keys = keys
        self._now = now

    async def run(self, seconds: float, progress: Callable[[int], None] = lambda _: None) -> ReencryptionReport:
        """Re-encrypt until ``seconds`` have passed, and finish the page. ``progress`` gets the number processed so far.

        A wallet whose credentials cannot be decrypted gets the status ``error``. The next run tries it again.
        """
        until = time.monotonic() + seconds
        moved = unreadable = processed = 0
        ring, now = await self._keys.ring(), self._now()
        superseded = ring.superseded(now)
        for key in superseded:
            last: Ciphertext | None = None
            while time.monotonic() < until:
                page = await self._stored.page(stored_prefix(key.kid), last, PAGE)
                if not page:
                    break
                last = page[-1]
                page_moved, page_unreadable = await self._move(page)
                moved, unreadable = moved + page_moved, unreadable + page_unreadable
                processed += len(page)
                progress(processed)
        left = sum([await self._stored.count(stored_prefix(key.kid)) for key in superseded])
        return ReencryptionReport(moved, unreadable, max(0, left - unreadable), ring.age(now))

    async def _move(self, page: Iterable[Ciphertext]) -> tuple[int, int]:
        changes: dict[Ciphertext, str] = {}
        broken: list[Ciphertext] = []
        for old in page:
            try:
                fields = await self._cipher.decrypt(old.text, old.user_id, old.user_wallet_id)
            except DecryptionError:
                broken.append(old)
            else:
                changes[old] = await self._cipher.encrypt(fields, old.user_id, old.user_wallet_id)
        moved = await self._stored.replace(changes)
        await self._stored.mark_unreadable(broken, DecryptionError.title, self._now())
        return moved, len(broken)

    async def needed(self, kids: Iterable[str]) -> Collection[str]:
        """Return which of these key ids stored ciphertexts need."""
        return frozenset([kid for kid in kids if await self._stored.count(stored_prefix(kid))])

    async def uses(self) -> tuple[list[KeyUse], int]:
        """Return every key of the ring, oldest first, and the number of ciphertexts whose key is not in it."""
        ring, now = await self._keys.ring(), self._now()
        writing = ring.writing_key(now).kid if any(key.use_after <= now for key in ring.keys.values()) else None
        keys = sorted(ring.keys.values(), key=lambda key: (key.use_after, key.kid))
        uses = [KeyUse(key, key.kid == writing, await self._stored.count(stored_prefix(key.kid))) for key in keys]
        return uses, await self._stored.count() - sum(use.documents for use in uses)
