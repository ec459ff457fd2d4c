"""A token issuer for tests: keys, a key set, and valid and forged tokens."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example.test/pool"
CLIENT_ID = "test-client"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of this name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """Return the issuer's elliptic-curve key."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(kid: str, name: str = "issuer", **members: str) -> dict[str, Any]:
    """Return a public RSA key as a key set lists it."""
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(rsa_key(name).public_key()))
    return public | {"kid": kid, "use": "sig"} | members


def key_set(*more: dict[str, Any]) -> bytes:
    """Return the issuer's key set."""
    curve = json.loads(ECAlgorithm.to_jwk(ec_key().public_key())) | {"kid": "ec-1", "use": "sig"}
    return json.dumps({"keys": [rsa_jwk("rsa-1"), curve, *more]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a valid access token. A change to None leaves the claim out."""
    now = int(time.time())
    good: dict[str, Any] = {
        "sub": "user-1",
        "iss": ISSUER,
        "client_id": CLIENT_ID,
        "token_use": "access",
        "iat": now - 10,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(
    *,
    key: PrivateKeyTypes | str | None = None,
    algorithm: str = "RS256",
    headers: dict[str, Any] | None = None,
    groups: list[str] | None = None,
    more: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Sign a token, by default one that verifies. ``more`` holds claims whose names are no names of Python."""
    return jwt.encode(
        claims(**changes, **(more or {}), **({"cognito:groups": groups} if groups else {})),
        key if key is not None else rsa_key("issuer"),  # type: ignore[arg-type]
        algorithm=algorithm,
        headers={"kid": "rsa-1"} | (headers or {}),
    )
