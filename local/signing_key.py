"""The key that signs the tokens of the local user pool. Each installation has its own, because moto's is public."""

from __future__ import annotations

from typing import Any, Final

from local.state import StateDirectory

FILE: Final = "signing_key.json"
_KEY_ID: Final = "dummy"
"""The key id that moto writes into every token."""
_BITS: Final = 2048


def ensure(state: StateDirectory) -> None:
    """Make the key of this installation if there is none."""
    if state.read(FILE) is None:
        from joserfc.jwk import RSAKey

        state.write(FILE, RSAKey.generate_key(_BITS, private=True).as_dict(private=True))


def install(state: StateDirectory, pool: Any) -> None:
    """Let the user pool of moto sign with the key of this installation, and publish the public part."""
    import json

    from joserfc.jwk import RSAKey
    from moto.cognitoidp.responses import CognitoIdpJsonWebKeyResponse

    key = RSAKey.import_key(state.read(FILE))
    public = {**key.as_dict(private=False), "kid": _KEY_ID, "alg": "RS256", "use": "sig"}
    pool.json_web_key = key
    CognitoIdpJsonWebKeyResponse.json_web_key = json.dumps({"keys": [public]}).encode()
