"""Where the key ring comes from: one secret in Secrets Manager, read seldom and cached.

The cache lives as long as the execution environment and is renewed after :data:`CACHE_SECONDS`. A key id it does not
know forces one early renewal, because another environment may have started to use a new key.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from moniqo.credentials.key_ring import Key, KeyRing, new_key, read_ring, write_ring
from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.errors import DecryptionError, TemporarilyUnavailableError

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
        client: Callable[[], Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Clock = utc_now,
    ) -> None:
        """Hold the secret's name; ``client`` makes the Secrets Manager client when it is first needed."""
        self._secret_id = secret_id
        self._make_client = client or _secrets_manager
        self._client: Any = None
        self._monotonic = monotonic
        self._now = now
        self._ring = KeyRing({})
        self._version: str | None = None
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
        text, self._version = await asyncio.to_thread(self._read)
        self._ring = read_ring(text)
        self._loaded_at = self._monotonic()

    async def _bootstrap(self) -> None:
        """Store a first key, in use at once: there is no reader yet that could miss it."""
        async with self._lock:
            await self._load()
            if self._ring.keys:
                return
            first = new_key(self._now())
            await asyncio.to_thread(self._write_first, write_ring(KeyRing({first.kid: first})))
            await self._load()

    def _read(self) -> tuple[str | None, str | None]:
        try:
            answer = self._call("get_secret_value")
        except _RefusedError as refusal:
            # Also the answer for a secret that was created without a value.
            if refusal.code == "ResourceNotFoundException":
                return None, None
            raise _unavailable() from None
        return answer.get("SecretString"), answer.get("VersionId")

    def _write_first(self, text: str) -> None:
        # The same token for the same empty version: of two writers that start at once, Secrets Manager lets one win.
        token = hashlib.sha256(f"first key after {self._version}".encode()).hexdigest()
        try:
            self._call("put_secret_value", SecretString=text, ClientRequestToken=token)
        except _RefusedError as refusal:
            if refusal.code != "ResourceExistsException":
                raise _unavailable() from None

    def _call(self, operation: str, **arguments: str) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError, ClientError

        if self._client is None:
            self._client = self._make_client()
        try:
            answer: Mapping[str, str] = getattr(self._client, operation)(SecretId=self._secret_id, **arguments)
        except ClientError as error:
            raise _RefusedError(error.response.get("Error", {}).get("Code", "")) from None
        except BotoCoreError:
            raise _unavailable() from None
        return answer


class _RefusedError(Exception):
    """Secrets Manager answered, and refused with ``code``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _unavailable() -> TemporarilyUnavailableError:
    return TemporarilyUnavailableError("The key store did not answer.", retry_after=5)


def _secrets_manager() -> Any:
    import boto3
    from botocore.config import Config

    limits = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client("secretsmanager", config=limits)
