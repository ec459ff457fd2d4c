"""The secret that holds the key ring, and its versions. Every call blocks, so run it in a thread.

Secrets Manager labels versions. AWSCURRENT marks the ring in use, AWSPENDING the ring that a rotation prepares. A
version never changes after it is stored. Only labels move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from moniqo_core.credentials.key_ring import Key, KeyRing, read_ring, write_ring
from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.secret_reader import SecretRefusedError, refusal, secrets_provider

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"


class SecretVersion(NamedTuple):
    """One version of the secret. :func:`~moniqo_core.credentials.key_ring.read_ring` parses its ``text``."""

    id: str
    text: str | None


class KeyRingSecret:
    """Reads and writes the key ring's secret.

    Every method raises TemporarilyUnavailableError when Secrets Manager does not answer or refuses the call.
    """

    def __init__(
        self,
        secret_id: str,
        provider: Callable[[], SecretsProvider] = secrets_provider,
        reader: Callable[[str], str] | None = None,
    ) -> None:
        """Use the secret ``secret_id``.

        Args:
            secret_id: Name or ARN.
            provider: Makes the Powertools provider when it is first needed.
            reader: Reads the current text of a secret without boto3. Pass it where Secrets Manager is only read,
                because importing boto3 takes longer than the rest of a cold start.

        """
        self._secret_id = secret_id
        self._provider = cache(provider)
        self._reader = reader

    def read(self) -> KeyRing:
        """Return the ring in use. A secret without a value holds an empty ring."""
        if self._reader is None:
            return self._read_through_parameters()
        try:
            return read_ring(self._reader(self._secret_id))
        except SecretRefusedError as error:
            # Secrets Manager gives this reason also for a secret that was created without a value.
            if error.reason == "ResourceNotFoundException":
                return KeyRing({})
            raise _unavailable() from None

    def _read_through_parameters(self) -> KeyRing:
        from aws_lambda_powertools.utilities.parameters import GetParameterError

        try:
            # Readers cache the parsed ring themselves, which needs no thread. So the cache of Parameters is bypassed.
            text = self._provider().get(self._secret_id, force_fetch=True, VersionStage=CURRENT)
        except GetParameterError as error:
            if refusal(error) == "ResourceNotFoundException":
                return KeyRing({})
            raise _unavailable() from None
        return read_ring(None if isinstance(text, dict) else text)

    def version(self, label: str) -> SecretVersion | None:
        """Return the version that carries ``label``, None when there is none or it has no value yet."""
        # Parameters does not return the id of the version that it read.
        with _service_errors():
            client = self._provider().client
            try:
                answer = client.get_secret_value(SecretId=self._secret_id, VersionStage=label)
            except client.exceptions.ResourceNotFoundException:
                return None
            return SecretVersion(answer["VersionId"], answer.get("SecretString"))

    def add_first(self, first: Key) -> None:
        """Store a ring of one key unless the secret has keys. Of several concurrent callers one wins."""
        current = self.version(CURRENT)
        if current is not None and read_ring(current.text).keys:
            return
        # Concurrent callers use the same token, and Secrets Manager keeps the first value that is sent with a token.
        token = hashlib.sha256(f"first key after {current and current.id}".encode()).hexdigest()
        self._put(token, KeyRing({first.kid: first}), CURRENT)

    def add_pending(self, token: str, ring: KeyRing) -> None:
        """Store ``ring`` as the pending version ``token``. If that version exists, nothing changes."""
        self._put(token, ring, PENDING)

    def promote(self, version: SecretVersion, over: SecretVersion) -> None:
        """Put ``version`` in use, provided that ``over`` is still in use."""
        with _service_errors():
            self._provider().client.update_secret_version_stage(
                SecretId=self._secret_id,
                VersionStage=CURRENT,
                MoveToVersionId=version.id,
                RemoveFromVersionId=over.id,
            )

    def drop_pending(self, version: SecretVersion) -> None:
        """Abandon a pending version."""
        with _service_errors():
            self._provider().client.update_secret_version_stage(
                SecretId=self._secret_id, VersionStage=PENDING, RemoveFromVersionId=version.id
            )

    def _put(self, token: str, ring: KeyRing, label: str) -> None:
        # Parameters is not used, because it would create a secret that does not exist.
        with _service_errors():
            client = self._provider().client
            with suppress(client.exceptions.ResourceExistsException):
                client.put_secret_value(
                    SecretId=self._secret_id,
                    SecretString=write_ring(ring),
                    ClientRequestToken=token,
                    VersionStages=[label],
                )


@contextmanager
def _service_errors() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, KeyError):
        raise _unavailable() from None


def _unavailable() -> TemporarilyUnavailableError:
    return TemporarilyUnavailableError("The key store did not answer.", retry_after=5)
