"""Decrypting credentials and verifying tokens, compared with the bare cryptography."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import UTC, datetime

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from benchmarks.report import Line, Section
from benchmarks.timing import Comparison, paired, spoken
from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.credentials.key_ring import KeyRing, new_key
from moniqo_core.credentials.key_source import FixedKeys
from moniqo_core.http.tokens.verifier import TokenVerifier
from tests.support.tokens import CLIENT_ID, ISSUER, key_set, rsa_key, token

NOW = datetime(2026, 2, 1, tzinfo=UTC)
USER, WALLET = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
FIELDS = {"api_key": "k" * 64, "api_secret": "s" * 64}
TOKENS = 64
METHOD = (
    "Credentials: two fields of 64 characters are encrypted for a wallet and decrypted again. The key ring is in "
    "memory, and the wallet's key is derived from it both times. The baseline encrypts and decrypts the same JSON "
    "with one Fernet key. Tokens: 64 RS256 access tokens are verified in turn, with the issuer's keys in memory. The "
    "baseline verifies the same RSA signatures and nothing else. An execution environment recognises a token that it "
    "has verified before by its digest."
)


def measure() -> Section:
    """Measure both."""
    return Section("Credentials and tokens", METHOD, [_credentials(), *_tokens()])


def _credentials() -> Line:
    key = new_key(NOW)
    cipher = CredentialCipher(FixedKeys(KeyRing({key.kid: key}), NOW))
    fields = {name: SecretStr(value) for name, value in FIELDS.items()}
    plain, text = Fernet.generate_key(), json.dumps(FIELDS).encode()
    loop = asyncio.new_event_loop()

    async def ours() -> None:
        for _ in range(100):
            await cipher.decrypt(await cipher.encrypt(fields, USER, WALLET), USER, WALLET)

    def baseline() -> None:
        for _ in range(100):
            fernet = Fernet(plain)
            fernet.decrypt(fernet.encrypt(text))

    found = paired(lambda: loop.run_until_complete(ours()), baseline, calls=60)
    loop.close()
    return _line("encrypt and decrypt credentials", found, 100, 3)


def _tokens() -> list[Line]:
    started = int(time.time())
    tokens = [token(sub=f"user-{number}", iat=started - number) for number in range(TOKENS)]
    public = rsa_key("issuer").public_key()
    signed = [_parts(each) for each in tokens]

    def new_verifier() -> TokenVerifier:
        return TokenVerifier(ISSUER, CLIENT_ID, "https://issuer.example.test", fetch=lambda _: key_set())

    warm = new_verifier()

    def again() -> None:
        for each in tokens:
            warm.verify(each)

    def first() -> None:
        fresh = new_verifier()
        for each in tokens:
            fresh.verify(each)

    def baseline() -> None:
        for signature, message in signed:
            public.verify(signature, message, padding.PKCS1v15(), SHA256())

    found = {name: paired(work, baseline, calls=60) for name, work in (("again", again), ("first", first))}
    return [
        _line("verify a token that was seen before", found["again"], TOKENS, 3),
        _line("verify a token for the first time", found["first"], TOKENS, None),
    ]


def _parts(text: str) -> tuple[bytes, bytes]:
    message, _, signature = text.rpartition(".")
    return base64.urlsafe_b64decode(signature + "=="), message.encode()


def _line(name: str, found: Comparison, calls: int, limit: float | None) -> Line:
    detail = f"{spoken(found.ours / calls)}, baseline {spoken(found.baseline / calls)}"
    return Line(name, found.ratio, limit, "x", detail)
