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
    if _read(state) is None:
        from joserfc.jwk import RSAKey

        state.write(FILE, RSAKey.generate_key(_BITS, private=True).as_dict(private=True))


def _read(state: StateDirectory) -> Any:
    return state.read(FILE, _is_key, "Delete it. Everybody has to log in again then, and nothing is lost.")


def _is_key(kept: Any) -> bool:
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    try:
        return RSAKey.import_key(kept).is_private
    except JoseError:
        return False


def install(state: StateDirectory, pool: Any) -> None:
    """Let the user pool of moto sign with the key of this installation, and publish the public part."""
    import json

    from joserfc.jwk import RSAKey
    from moto.cognitoidp.responses import CognitoIdpJsonWebKeyResponse

    key = RSAKey.import_key(_read(state))
    public = {**key.as_dict(private=False), "kid": _KEY_ID, "alg": "RS256", "use": "sig"}
    pool.json_web_key = key
    CognitoIdpJsonWebKeyResponse.json_web_key = json.dumps({"keys": [public]}).encode()
