"""Rotate the key ring in the four steps of Secrets Manager.

createSecret prepares a ring with one more key. setSecret does nothing, because no other system knows the keys.
testSecret tests the ring, and finishSecret puts it in use. Each step writes at most once, and repeating it changes
nothing, so an interrupted rotation continues where it stopped. Re-encryption is not part of a rotation, because every
reader must know the new key before a writer uses it.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from pydantic import SecretStr

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_retirement import missing_keys, successor
from moniqo_core.credentials.key_ring import KeyRing, new_key, read_ring
from moniqo_core.credentials.key_ring_secret import CURRENT, PENDING, KeyRingSecret, SecretVersion
from moniqo_core.credentials.key_source import CACHE_SECONDS, FixedKeys, in_thread
from moniqo_core.domain.clock import Clock, utc_now

CREATE: Final = "createSecret"
SET: Final = "setSecret"
TEST: Final = "testSecret"
FINISH: Final = "finishSecret"
STEPS: Final = (CREATE, SET, TEST, FINISH)

# Readers cache the ring for half of this time, so they know a key before it is used, even if a rotation takes long.
NOTICE: Final = timedelta(seconds=2 * CACHE_SECONDS)

NeededKeys = Callable[[Iterable[str]], Awaitable[Collection[str]]]
"""Returns which of these key ids stored documents need."""


class RotationError(RuntimeError):
    """A step failed. The text gives the reason and a remedy, and contains no secret."""


class KeyRotation:
    """The steps of a rotation. ``token`` names one rotation and is also the id of its new version of the secret."""

    def __init__(self, stored: KeyRingSecret, needed: NeededKeys, now: Clock = utc_now) -> None:
        """Rotate ``stored``. Keys that ``needed`` returns are not removed."""
        self._stored = stored
        self._needed = needed
        self._now = now

    async def run(self, step: str, token: str) -> None:
        """Do one step of the rotation ``token``.

        Raises:
            RotationError: the step failed. The ring in use stays in use.
            TemporarilyUnavailableError: Secrets Manager does not answer. Repeat the step.

        """
        if step not in STEPS:
            raise RotationError(f"There is no such step. The steps are {', '.join(STEPS)}.")
        current = await self._current()
        if current.id == token or step == SET:
            return
        if step == CREATE:
            await self._create(token, current)
            return
        candidate = await self._candidate(token, current)
        if step == FINISH:
            await in_thread(self._stored.promote, candidate, current)

    async def run_all(self, done: Callable[[str], None] = lambda _: None) -> None:
        """Run every step of the unfinished rotation, or of a new one. ``done`` is called with each finished step.

        Raises:
            RotationError, TemporarilyUnavailableError: as in :meth:`run`. Repeat the call.

        """
        token = await self.unfinished()
        if token is not None:
            with suppress(RotationError):  # the unfinished rotation was abandoned, so start a new one
                await self._run_all(token, done)
                return
        await self._run_all(str(uuid.uuid4()), done)

    async def _run_all(self, token: str, done: Callable[[str], None]) -> None:
        for step in STEPS:
            await self.run(step, token)
            done(step)

    async def unfinished(self) -> str | None:
        """Return the token of a rotation that started and has not finished, None when there is none."""
        current, pending = await self._current(), await in_thread(self._stored.version, PENDING)
        return None if pending is None or pending.id == current.id else pending.id

    async def _current(self) -> SecretVersion:
        current = await in_thread(self._stored.version, CURRENT)
        if current is None or not read_ring(current.text).keys:
            # Re-encryption adds the first key in the same way, so both get the same one.
            await in_thread(self._stored.add_first, new_key(self._now()))
            current = await in_thread(self._stored.version, CURRENT)
        if current is None:
            raise RotationError("The secret does not exist.")
        return current

    async def _create(self, token: str, current: SecretVersion) -> None:
        pending = await in_thread(self._stored.version, PENDING)
        if pending is not None and pending.id == token:
            return
        if pending is not None and pending.id != current.id:
            raise RotationError(f"The rotation {pending.id} is in progress. Finish it, or remove AWSPENDING from it.")
        now, ring = self._now(), read_ring(current.text)
        made = successor(ring, new_key(now + NOTICE), await self._needed(ring.keys), now, NOTICE)
        await in_thread(self._stored.add_pending, token, made)

    async def _candidate(self, token: str, current: SecretVersion) -> SecretVersion:
        """Return the version to put in use. Raise RotationError when it must not be used."""
        pending = await in_thread(self._stored.version, PENDING)
        if pending is None or pending.id != token:
            raise RotationError(f"The rotation {token} was abandoned or never started. Start another one.")
        before, after = read_ring(current.text), read_ring(pending.text)
        problem = await self._problem(before, after)
        if problem is not None:
            await in_thread(self._stored.drop_pending, pending)
            raise RotationError(f"{problem} The rotation {token} is abandoned. Start another one.")
        await _check_keys(after)
        return pending

    async def _problem(self, before: KeyRing, after: KeyRing) -> str | None:
        lost = missing_keys(before, after, await self._needed(before.keys))
        if lost:
            return f"The new ring lacks keys that are still needed: {', '.join(lost)}."
        if after.account_key != before.account_key:
            return "The new ring has another key of account fingerprints."
        known_from = self._now() + timedelta(seconds=CACHE_SECONDS)
        if any(key.use_after < known_from for kid, key in after.keys.items() if kid not in before.keys):
            return "The new key would be used before every reader has it."
        return None


async def _check_keys(ring: KeyRing) -> None:
    """Encrypt and decrypt a sample with every key of ``ring``, or raise RotationError."""
    for key in ring.keys.values():
        cipher = CredentialCipher(FixedKeys(KeyRing({key.kid: key}), key.use_after))
        fields = {"api_key": SecretStr(secrets.token_hex(16))}
        if await cipher.decrypt(await cipher.encrypt(fields, "user", "wallet"), "user", "wallet") != fields:
            raise RotationError(f"The key {key.kid} cannot decrypt what it encrypted.")
