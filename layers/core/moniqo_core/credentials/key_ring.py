"""The key ring: every key that credentials were or may be encrypted with.

It is stored as ``{"keys": {kid: {"material": base64, "use_after": RFC 3339}}}``. Writers use the newest key whose
``use_after`` has passed, so every reader knows a key before a writer uses it. When a rotation finds a superseded key
that no document needs, it adds ``"unused_since"``. A later rotation removes the key if it is still not needed.

``"account_key"`` is the key of account fingerprints. It never changes, because stored fingerprints are compared. It is
derived from the first key of the ring until the first rotation stores it, so that key may leave the ring later.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.errors import EncryptionError, TemporarilyUnavailableError

MATERIAL_BYTES = 32
_ACCOUNT_KEY_PURPOSE = b"moniqo account fingerprints 1"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``material`` is the secret from which the keys of wallets are derived.

    ``unused_since`` is the time when a rotation first found that no document needs the key.
    """

    kid: str
    material: bytes = field(repr=False)
    use_after: datetime
    unused_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys by id. ``stored_account_key`` is None before the first rotation."""

    keys: Mapping[str, Key]
    stored_account_key: bytes | None = field(default=None, repr=False)

    @property
    def account_key(self) -> bytes:
        """The key of account fingerprints, the same for the life of the ring. Raise EncryptionError without a key."""
        if self.stored_account_key is not None:
            return self.stored_account_key
        if not self.keys:
            raise EncryptionError("The key ring has no key yet.", retry_after=60)
        first = min(self.keys.values(), key=lambda key: (key.use_after, key.kid))
        return hmac.digest(first.material, _ACCOUNT_KEY_PURPOSE, hashlib.sha256)

    def writing_key(self, now: datetime) -> Key:
        """Return the newest key whose ``use_after`` has passed. Raise EncryptionError when there is none."""
        ready = self._ready(now)
        if not ready:
            raise EncryptionError("No key for encrypting credentials is in use yet.", retry_after=60)
        return ready[-1]

    def superseded(self, now: datetime) -> tuple[Key, ...]:
        """Return the keys that writers no longer use, oldest first."""
        return self._ready(now)[:-1]

    def age(self, now: datetime) -> timedelta:
        """Return for how long writers have used the newest key, which is zero without a key."""
        return now - self.writing_key(now).use_after if self._ready(now) else timedelta(0)

    def _ready(self, now: datetime) -> tuple[Key, ...]:
        ready = (key for key in self.keys.values() if key.use_after <= now)
        return tuple(sorted(ready, key=lambda key: (key.use_after, key.kid)))


def new_key(use_after: datetime) -> Key:
    """Make a random key that writers use from ``use_after`` on."""
    return Key(secrets.token_hex(8), secrets.token_bytes(MATERIAL_BYTES), use_after)


def read_ring(text: str | bytes | None) -> KeyRing:
    """Parse the secret's text. No text means an empty ring.

    Raises:
        TemporarilyUnavailableError: the text is not a key ring. The error does not quote it.

    """
    if not text:
        return KeyRing({})
    try:
        stored = json.loads(text)
        keys = {kid: _read_key(kid, entry) for kid, entry in stored["keys"].items()}
        account_key = stored.get("account_key")
        return KeyRing(keys, None if account_key is None else _read_material(account_key))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TemporarilyUnavailableError("The secret of the key ring does not hold a valid ring.") from None


def write_ring(ring: KeyRing) -> str:
    """Return the text to store in the secret."""
    stored: dict[str, object] = {"keys": {key.kid: _stored(key) for key in ring.keys.values()}}
    if ring.stored_account_key is not None:
        stored["account_key"] = base64.b64encode(ring.stored_account_key).decode()
    return json.dumps(stored, sort_keys=True)


def _stored(key: Key) -> dict[str, str]:
    stored = {"material": base64.b64encode(key.material).decode(), "use_after": rfc3339(key.use_after)}
    return stored if key.unused_since is None else stored | {"unused_since": rfc3339(key.unused_since)}


def _read_key(kid: str, entry: Mapping[str, str]) -> Key:
    material = _read_material(entry["material"])
    use_after = datetime.fromisoformat(entry["use_after"])
    unused_since = datetime.fromisoformat(entry["unused_since"]) if "unused_since" in entry else None
    if not kid or ":" in kid or use_after.tzinfo is None:
        raise ValueError(kid)
    return Key(kid, material, use_after, unused_since)


def _read_material(text: str) -> bytes:
    try:
        material = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(material) < MATERIAL_BYTES:
        raise ValueError("too short")
    return material
