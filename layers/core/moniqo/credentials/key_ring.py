"""The key ring: every key credentials were or may be encrypted with.

Stored as ``{"keys": {kid: {"material": base64, "use_after": RFC 3339}}}``. A key is known to every reader before a
writer uses it: writers take the newest key whose ``use_after`` has come.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from moniqo.domain.clock import rfc3339
from moniqo.domain.errors import EncryptionError, TemporarilyUnavailableError

MATERIAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """One key: ``material`` is the secret wallets' keys are derived from."""

    kid: str
    material: bytes = field(repr=False)
    use_after: datetime


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys by id."""

    keys: Mapping[str, Key]

    def writing_key(self, now: datetime) -> Key:
        """Return the newest key whose ``use_after`` has come; raises :class:`EncryptionError` when there is none."""
        ready = [key for key in self.keys.values() if key.use_after <= now]
        if not ready:
            raise EncryptionError("No key to encrypt credentials with is in use yet.")
        return max(ready, key=lambda key: (key.use_after, key.kid))


def new_key(use_after: datetime) -> Key:
    """Make a random key that writers use from ``use_after`` on."""
    return Key(secrets.token_hex(8), secrets.token_bytes(MATERIAL_BYTES), use_after)


def read_ring(text: str | bytes | None) -> KeyRing:
    """Read the secret's text; no text at all is an empty ring.

    Raises:
        TemporarilyUnavailableError: the text is not a key ring. Nothing of it is quoted.

    """
    if not text:
        return KeyRing({})
    try:
        stored = json.loads(text)["keys"]
        return KeyRing({kid: _read_key(kid, entry) for kid, entry in stored.items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TemporarilyUnavailableError("The key ring cannot be read.") from None


def write_ring(ring: KeyRing) -> str:
    """Return the text the secret holds."""
    keys = {
        key.kid: {
            "material": base64.b64encode(key.material).decode(),
            "use_after": rfc3339(key.use_after),
        }
        for key in ring.keys.values()
    }
    return json.dumps({"keys": keys}, sort_keys=True)


def _read_key(kid: str, entry: Mapping[str, str]) -> Key:
    try:
        material = base64.b64decode(entry["material"], validate=True)
    except binascii.Error as error:
        raise ValueError(kid) from error
    use_after = datetime.fromisoformat(entry["use_after"])
    if not kid or ":" in kid or len(material) < MATERIAL_BYTES or use_after.tzinfo is None:
        raise ValueError(kid)
    return Key(kid, material, use_after)
