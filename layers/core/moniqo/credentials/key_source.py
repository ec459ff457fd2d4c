"""Where the key ring comes from: one secret in Secrets Manager, read seldom and cached.

The cache lives as long as the execution environment and is renewed after :data:`CACHE_SECONDS`. A key id it does not
know forces one early renewal, because another environment may have started to use a new key.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Protocol

from moniqo.credentials.key_ring import Key, KeyRing, new_key, read_ring, write_ring
from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.errors import DecryptionError, TemporarilyUnavailableError
from moniqo.secret_reader import refusal, secrets_provider

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

CACHE_SECONDS = 300.0
# Many wallets with the same lost key must not turn into as many calls to Secrets Manager.
FORCED_REFRESH_SECONDS = 1.0


class KeySource(Protocol):
    """Hands out keys by id, and the one to write with."""

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``; raises DecryptionError when nobody has it."""
        ...

    async def writing_key(self) -> Key:
        """Return the key to encrypt with now; raises EncryptionError when there is none."""
        ...


class SecretsManagerKeys:
    """Keys of one secret. The first writer fills a secret that has no value yet."""

    def __init__(
        self,
        secret_id: str,
        *,
        provider: Callable[[], SecretsProvider] = secrets_provider,
        monotonic: Callable[[], float] = time.monotonic,
        now: Clock = utc_now,
    ) -> None:
        """Hold the secret's name; ``provider`` makes the Powertools provider when it is first needed."""
        self._secret_id = secret_id
        self._provider = cache(provider)
        self._monotonic = monotonic
        self._now = now
        self._ring = KeyRing({})
        self._loaded_at: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Key:
        """Return the key ``kid``, reading the secret once more when the cache does not know it."""
        await self._renew(CACHE_SECONDS)
        if kid not in self._ring.keys:
            await self._renew(FORCED_REFRESH_SECONDS)
        try:
            return self._ring.keys[kid]
        except KeyError:
            raise DecryptionError("The stored credentials were encrypted with a key that no longer exists.") from None

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
        text = await asyncio.to_thread(self._read)
        self._ring = read_ring(text)
        self._loaded_at = self._monotonic()

    async def _bootstrap(self) -> None:
        async with self._lock:
            await asyncio.to_thread(self._fill)
            await self._load()

    def _read(self) -> str | bytes | None:
        from aws_lambda_powertools.utilities.parameters import GetParameterError

        try:
            # Parameters' own cache holds texts; the ring kept here is parsed, and at hand without a thread.
            text = self._provider().get(self._secret_id, force_fetch=True)
        except GetParameterError as error:
            # Also the answer for a secret that was created without a value.
            if refusal(error) == "ResourceNotFoundException":
                return None
            raise _unavailable() from None
        return None if isinstance(text, dict) else text

    def _fill(self) -> None:
        """Store a first key unless there is one, in use at once: there is no reader yet that could miss it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            text, version = self._current()
            if read_ring(text).keys:
                return
            first = new_key(self._now())
            self._write_first(write_ring(KeyRing({first.kid: first})), version)
        except (BotoCoreError, ClientError):
            raise _unavailable() from None

    def _current(self) -> tuple[str | None, str | None]:
        # Parameters does not tell which version it read.
        client = self._provider().client
        try:
            answer = client.get_secret_value(SecretId=self._secret_id)
        except client.exceptions.ResourceNotFoundException:
            return None, None
        return answer.get("SecretString"), answer.get("VersionId")

    def _write_first(self, text: str, version: str | None) -> None:
        # The same token for the same empty version: of two writers that start at once, Secrets Manager lets one win.
        token = hashlib.sha256(f"first key after {version}".encode()).hexdigest()
        # Not by Parameters, which would make a secret that is not there.
        client = self._provider().client
        with suppress(client.exceptions.ResourceExistsException):
            client.put_secret_value(SecretId=self._secret_id, SecretString=text, ClientRequestToken=token)


def _unavailable() -> TemporarilyUnavailableError:
    return TemporarilyUnavailableError("The key store did not answer.", retry_after=5)
