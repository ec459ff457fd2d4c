"""Encrypt the credentials of one wallet into one text, ``v1:kid:token``, that decrypts for that wallet only.

The Fernet key is derived from a key of the ring and the ids of user and wallet. A token that is copied to another
document therefore does not decrypt there. Decrypted values are ``SecretStr``, which logs, errors and ``repr`` mask.

Fingerprints tell whether two wallets of a user trade the same account at a venue, without storing its names.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import SecretStr

from moniqo_core.credentials.key_source import KeySource
from moniqo_core.domain.errors import DecryptionError

VERSION: Final = "v1"


def stored_prefix(kid: str) -> str:
    """Return the prefix of every stored text that was encrypted with the key ``kid``."""
    return f"{VERSION}:{kid}:"


def fingerprint_key_id(account_key: bytes) -> str:
    """Return the beginning of every fingerprint that was made with this key."""
    return hmac.digest(account_key, b"id", hashlib.sha256).hex()[:8]


class CredentialCipher:
    """Encrypts and decrypts credentials with the keys of a :class:`KeySource`."""

    def __init__(self, keys: KeySource) -> None:
        """Use ``keys``. Nothing is read before the first call."""
        self._keys = keys

    async def encrypt(self, fields: Mapping[str, SecretStr], user_id: str, user_wallet_id: str) -> str:
        """Encrypt ``fields`` into the text to store. Raise EncryptionError when no key is available."""
        from moniqo_core.credentials import wallet_key

        key = await self._keys.writing_key()
        text = json.dumps({name: value.get_secret_value() for name, value in fields.items()})
        return stored_prefix(key.kid) + wallet_key.encrypt(VERSION, key, user_id, user_wallet_id, text.encode())

    async def decrypt(self, stored: object, user_id: str, user_wallet_id: str) -> dict[str, SecretStr]:
        """Decrypt a stored text.

        Raises:
            DecryptionError: it is not a text of this format, belongs to another wallet, or its key no longer exists.
            TemporarilyUnavailableError: the key store does not answer.

        """
        from moniqo_core.credentials import wallet_key

        version, _, rest = stored.partition(":") if isinstance(stored, str) else ("", "", "")
        kid, _, token = rest.partition(":")
        if version != VERSION or not kid or not token.isascii():
            raise DecryptionError("The stored credentials are not in a format this service can read.")
        key = await self._keys.key(kid)
        text = wallet_key.decrypt(VERSION, key, user_id, user_wallet_id, token)
        return {name: SecretStr(value) for name, value in json.loads(text).items()}

    async def fingerprint_key_id(self) -> str:
        """Return the beginning of every fingerprint that is made now. Stored ones that begin otherwise are worthless.

        Raises:
            EncryptionError: the key ring has no key yet.
            TemporarilyUnavailableError: the key store does not answer.

        """
        return fingerprint_key_id(await self._keys.account_key())

    async def fingerprints(self, names: Iterable[str], user_id: str) -> tuple[str, ...]:
        """Return a fingerprint of each name of a venue account, as ``key:digest``.

        Only a holder of the key ring can make one or try names. The same account has other fingerprints for another
        user.

        Raises:
            TemporarilyUnavailableError: the key store does not answer.

        """
        key = await self._keys.account_key()
        texts = (json.dumps([user_id, name]).encode() for name in names)
        return tuple(f"{fingerprint_key_id(key)}:{hmac.digest(key, text, hashlib.sha256).hex()}" for text in texts)
