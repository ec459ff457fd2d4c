"""Encrypts the credentials of one wallet into one token, ``v1:kid:token``, that opens for that wallet alone.

The Fernet key is derived from the ring's key and the ids of user and wallet, so a token copied to another document does
not open there. Decrypted values are ``SecretStr``: they do not show in logs, errors or ``repr``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from pydantic import SecretStr

from moniqo.credentials.key_ring import Key
from moniqo.credentials.key_source import KeySource
from moniqo.domain.errors import DecryptionError

VERSION = "v1"


def stored_prefix(kid: str) -> str:
    """Return what every stored form that was encrypted with the key ``kid`` begins with."""
    return f"{VERSION}:{kid}:"


class CredentialCipher:
    """Encrypts and decrypts credentials with the keys of a :class:`KeySource`."""

    def __init__(self, keys: KeySource) -> None:
        """Use ``keys``; nothing is read before the first call."""
        self._keys = keys

    async def encrypt(self, fields: Mapping[str, SecretStr], user_id: str, user_wallet_id: str) -> str:
        """Return the stored form of ``fields``; raises EncryptionError when no key is available."""
        from cryptography.fernet import Fernet

        key = await self._keys.writing_key()
        text = json.dumps({name: value.get_secret_value() for name, value in fields.items()}, sort_keys=True)
        token = Fernet(_derive(key, user_id, user_wallet_id)).encrypt(text.encode())
        return stored_prefix(key.kid) + token.decode()

    async def decrypt(self, stored: object, user_id: str, user_wallet_id: str) -> dict[str, SecretStr]:
        """Open a stored form; raises DecryptionError when it is broken, foreign, no text, or its key is gone."""
        from cryptography.fernet import Fernet, InvalidToken

        version, _, rest = stored.partition(":") if isinstance(stored, str) else ("", "", "")
        kid, _, token = rest.partition(":")
        if version != VERSION or not kid or not token.isascii():
            raise DecryptionError("The stored credentials are not in a form this service reads.")
        key = await self._keys.key(kid)
        try:
            text = Fernet(_derive(key, user_id, user_wallet_id)).decrypt(token)
        except InvalidToken:
            raise DecryptionError("The stored credentials do not open.") from None
        return {name: SecretStr(value) for name, value in json.loads(text).items()}


def _derive(key: Key, user_id: str, user_wallet_id: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    owner = {"kid": key.kid, "user_id": user_id, "user_wallet_id": user_wallet_id, "version": VERSION}
    info = json.dumps(owner, sort_keys=True, separators=(",", ":")).encode()
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.material)
    return base64.urlsafe_b64encode(derived)
