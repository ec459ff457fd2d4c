"""The secret that holds the key ring, and its versions. Every call blocks: use it in a thread.

Secrets Manager keeps versions apart by labels: AWSCURRENT is the ring in use, AWSPENDING one that a rotation prepares.
A version never changes once it is there; only labels move.
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
    """One version of the secret; ``text`` is a ring as :func:`~moniqo_core.credentials.key_ring.read_ring` reads it."""

    id: str
    text: str | None


class KeyRingSecret:
    """Reads and writes the key ring's secret.

    Every method raises TemporarilyUnavailableError when Secrets Manager does not answer, or refuses.
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
            reader: Reads the current text of a secret in its place, where nothing else is asked of Secrets Manager:
                importing boto3 would take longer than all the rest of a cold start.

        """
        self._secret_id = secret_id
        self._provider = cache(provider)
        self._reader = reader

    def read(self) -> KeyRing:
        """Return the ring in use; a secret without a value holds an empty one."""
        if self._reader is None:
            return self._read_through_parameters()
        try:
            return read_ring(self._reader(self._secret_id))
        except SecretRefusedError as error:
            # Also the answer for a secret that was created without a value.
            if error.reason == "ResourceNotFoundException":
                return KeyRing({})
            raise _unavailable() from None

    def _read_through_parameters(self) -> KeyRing:
        from aws_lambda_powertools.utilities.parameters import GetParameterError

        try:
            # Parameters' own cache holds texts; readers keep the parsed ring, which is at hand without a thread.
            text = self._provider().get(self._secret_id, force_fetch=True, VersionStage=CURRENT)
        except GetParameterError as error:
            if refusal(error) == "ResourceNotFoundException":
                return KeyRing({})
            raise _unavailable() from None
        return read_ring(None if isinstance(text, dict) else text)

    def version(self, label: str) -> SecretVersion | None:
        """Return the version that carries ``label``; None when there is none, or it has no value yet."""
        # Parameters does not tell which version it read.
        with _service_errors():
            client = self._provider().client
            try:
                answer = client.get_secret_value(SecretId=self._secret_id, VersionStage=label)
            except client.exceptions.ResourceNotFoundException:
                return None
            return SecretVersion(answer["VersionId"], answer.get("SecretString"))

    def add_first(self, first: Key) -> None:
        """Store a ring of one key unless there is one; of several that do so at once, one wins."""
        current = self.version(CURRENT)
        if current is not None and read_ring(current.text).keys:
            return
        # The same token for the same empty version: Secrets Manager takes the first value that comes with it.
        token = hashlib.sha256(f"first key after {current and current.id}".encode()).hexdigest()
        self._put(token, KeyRing({first.kid: first}), CURRENT)

    def add_pending(self, token: str, ring: KeyRing) -> None:
        """Store ``ring`` as the version ``token``, to be used later; nothing happens if that version is there."""
        self._put(token, ring, PENDING)

    def promote(self, version: SecretVersion, over: SecretVersion) -> None:
        """Make ``version`` the one in use, provided that ``over`` still is."""
        with _service_errors():
            self._provider().client.update_secret_version_stage(
                SecretId=self._secret_id,
                VersionStage=CURRENT,
                MoveToVersionId=version.id,
                RemoveFromVersionId=over.id,
            )

    def drop_pending(self, version: SecretVersion) -> None:
        """Give up a version that was prepared."""
        with _service_errors():
            self._provider().client.update_secret_version_stage(
                SecretId=self._secret_id, VersionStage=PENDING, RemoveFromVersionId=version.id
            )

    def _put(self, token: str, ring: KeyRing, label: str) -> None:
        # Not by Parameters, which would make a secret that is not there.
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
