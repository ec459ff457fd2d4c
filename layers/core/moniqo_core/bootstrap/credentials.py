"""The factories for the encryption of credentials, and for its keys."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.credentials.key_rotation import KeyRotation
    from moniqo_core.credentials.key_source import SecretsManagerKeys
    from moniqo_core.services.wallets.reencryption import Reencryption


@cache
def keys() -> SecretsManagerKeys:
    """Return the keys that encrypt credentials. The key ring is read when it is first needed."""
    from moniqo_core.credentials.key_ring_secret import KeyRingSecret
    from moniqo_core.credentials.key_source import SecretsManagerKeys
    from moniqo_core.secret_reader import read_secret

    def read(secret_id: str) -> str:
        return read_secret(secret_id, os.environ)

    return SecretsManagerKeys(KeyRingSecret(bootstrap.settings().need("key_secret_id"), reader=read))


@cache
def cipher() -> CredentialCipher:
    """Return the cipher, which encrypts and decrypts credentials."""
    from moniqo_core.credentials.cipher import CredentialCipher

    return CredentialCipher(bootstrap.keys())


@cache
def key_rotation() -> KeyRotation:
    """Return the rotation of the key ring."""
    from moniqo_core.credentials.key_ring_secret import KeyRingSecret
    from moniqo_core.credentials.key_rotation import KeyRotation

    return KeyRotation(KeyRingSecret(bootstrap.settings().need("key_secret_id")), bootstrap.reencryption().needed)


@cache
def reencryption() -> Reencryption:
    """Return the service that re-encrypts stored credentials with the key in use."""
    from moniqo_core.services.wallets.reencryption import Reencryption
    from moniqo_core.storage.wallets.ciphertexts import CiphertextStore

    return Reencryption(CiphertextStore(bootstrap.database()), bootstrap.cipher(), bootstrap.keys())
