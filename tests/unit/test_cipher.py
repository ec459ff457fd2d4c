"""Encryption of credentials: what can be decrypted, what cannot, and what is never shown."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring import Key, KeyRing, new_key
from moniqo_core.domain.errors import DecryptionError, EncryptionError

NOW = datetime(2026, 2, 1, tzinfo=UTC)
FIELDS = {"api_key": SecretStr("canary-key-1"), "api_secret": SecretStr("canary-secret-2")}


class FixedKeys:
    """A key source that has its ring at hand."""

    def __init__(self, *keys: Key) -> None:
        self.ring = KeyRing({key.kid: key for key in keys})

    async def key(self, kid: str) -> Key:
        if kid not in self.ring.keys:
            raise DecryptionError
        return self.ring.keys[kid]

    async def writing_key(self) -> Key:
        return self.ring.writing_key(NOW)

    async def account_key(self) -> bytes:
        return self.ring.account_key


def encrypt(keys: FixedKeys, user: str = "u-1", wallet: str = "w-1") -> str:
    return asyncio.run(CredentialCipher(keys).encrypt(FIELDS, user, wallet))


def decrypt(keys: FixedKeys, stored: str, user: str = "u-1", wallet: str = "w-1") -> dict[str, SecretStr]:
    return asyncio.run(CredentialCipher(keys).decrypt(stored, user, wallet))


def test_decrypt_returns_what_was_encrypted() -> None:
    keys = FixedKeys(new_key(NOW))

    assert decrypt(keys, encrypt(keys)) == FIELDS


def test_stored_form_names_version_and_key_and_hides_secrets() -> None:
    key = new_key(NOW)

    version, kid, token = encrypt(FixedKeys(key)).split(":")

    assert (version, kid) == ("v1", key.kid)
    assert token.startswith("gAAAA")
    assert "canary" not in token


def test_two_encryptions_of_the_same_fields_differ() -> None:
    keys = FixedKeys(new_key(NOW))

    assert encrypt(keys) != encrypt(keys)


@pytest.mark.parametrize(("user", "wallet"), [("u-2", "w-1"), ("u-1", "w-2"), ("w-1", "u-1"), ("u-1w", "-1")])
def test_decrypt_fails_for_another_user_or_wallet(user: str, wallet: str) -> None:
    keys = FixedKeys(new_key(NOW))
    stored = encrypt(keys)

    with pytest.raises(DecryptionError):
        decrypt(keys, stored, user, wallet)


def test_ciphertext_opens_only_for_its_own_user_and_wallet() -> None:
    keys = FixedKeys(new_key(NOW))
    owners = [(user, wallet) for user in ("u-1", "u-2", "u-11", "w-1") for wallet in ("w-1", "w-2", "1w-1", "u-1", "")]
    stored = {owner: encrypt(keys, *owner) for owner in owners}

    opened = set()
    for owner in owners:
        for written_for in owners:
            with suppress(DecryptionError):
                decrypt(keys, stored[written_for], *owner)
                opened.add((owner, written_for))

    assert opened == {(owner, owner) for owner in owners}


def test_decrypt_fails_under_another_key_id() -> None:
    first, second = new_key(NOW), new_key(NOW)
    same_material = Key(second.kid, first.material, NOW)
    stored = encrypt(FixedKeys(first))

    with pytest.raises(DecryptionError):
        decrypt(FixedKeys(same_material), stored.replace(first.kid, second.kid))


@pytest.mark.parametrize(
    "stored", ["", "v1", "v1:", "v1::", "v2:kid:gAAAA", "v1:kid:", "v1:kid:gAAAAé", "v1:kid:not base64", "plain text"]
)
def test_decrypt_refuses_malformed_stored_forms(stored: str) -> None:
    keys = FixedKeys(Key("kid", b"m" * 32, NOW))

    with pytest.raises(DecryptionError):
        decrypt(keys, stored)


@given(position=st.integers(min_value=0), change=st.integers(min_value=1, max_value=127))
def test_decrypt_refuses_any_changed_character(position: int, change: int) -> None:
    keys = FixedKeys(Key("kid", b"m" * 32, NOW))
    stored = encrypt(keys)
    at = position % len(stored)
    changed = stored[:at] + chr(ord(stored[at]) ^ change) + stored[at + 1 :]

    try:
        opened = decrypt(keys, changed)
    except DecryptionError:
        return
    # Base64 has spare bits in its last character, and ignores characters outside its alphabet.
    assert opened == FIELDS


def test_encrypt_fails_without_a_key_in_use() -> None:
    with pytest.raises(EncryptionError):
        encrypt(FixedKeys(new_key(datetime(2026, 2, 2, tzinfo=UTC))))


def test_representations_contain_no_secret() -> None:
    key = new_key(NOW)
    opened = decrypt(FixedKeys(key), encrypt(FixedKeys(key)))

    shown = f"{opened!r} {opened} {key!r} {KeyRing({key.kid: key})!r}"

    assert "canary" not in shown
    assert repr(key.material) not in shown


def fingerprint(keys: FixedKeys, name: str = "binance production key k1", user: str = "u-1") -> str:
    (made,) = asyncio.run(CredentialCipher(keys).fingerprints([name], user))
    return made


def test_fingerprint_is_the_same_for_the_same_account_of_a_user_only() -> None:
    first, second = new_key(NOW), new_key(NOW + timedelta(days=1))
    made = fingerprint(FixedKeys(first))

    assert fingerprint(FixedKeys(second, first)) == made
    others = {
        fingerprint(FixedKeys(first), user="u-2"),
        fingerprint(FixedKeys(first), "binance production key k2"),
        fingerprint(FixedKeys(second)),
    }
    assert made not in others
    assert len(others) == 3


def test_fingerprint_begins_with_the_id_of_its_key() -> None:
    keys = FixedKeys(new_key(NOW))
    begins = asyncio.run(CredentialCipher(keys).fingerprint_key_id())

    assert fingerprint(keys).startswith(f"{begins}:")
    assert not fingerprint(FixedKeys(new_key(NOW))).startswith(begins)


def test_fingerprint_fails_without_a_key() -> None:
    with pytest.raises(EncryptionError):
        fingerprint(FixedKeys())
