"""Encrypt and decrypt with the key of one wallet, which is derived from a key of the ring.

Importing cryptography is slow, so the cipher imports this module when it first needs it.
"""

from __future__ import annotations

import base64
import json
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from moniqo_core.credentials.key_ring import Key
from moniqo_core.domain.errors import DecryptionError

_write: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def encrypt(version: str, key: Key, user_id: str, user_wallet_id: str, text: bytes) -> str:
    """Return a Fernet token that decrypts only with the same key, for the same user and wallet."""
    return _fernet(version, key, user_id, user_wallet_id).encrypt(text).decode()


def decrypt(version: str, key: Key, user_id: str, user_wallet_id: str, token: str) -> bytes:
    """Decrypt a token. Raise DecryptionError if it was changed or made for another key, user or wallet."""
    try:
        return _fernet(version, key, user_id, user_wallet_id).decrypt(token)
    except InvalidToken:
        raise DecryptionError("The stored credentials cannot be decrypted.") from None


def _fernet(version: str, key: Key, user_id: str, user_wallet_id: str) -> Fernet:
    """Derive the wallet's key by HKDF-SHA256 (RFC 5869). ``info`` binds it to the key id, user and wallet."""
    owner = {"kid": key.kid, "user_id": user_id, "user_wallet_id": user_wallet_id, "version": version}
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_write(owner).encode()).derive(key.material)
    return Fernet(base64.urlsafe_b64encode(derived))
