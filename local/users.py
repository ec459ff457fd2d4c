"""The users who can log in on this computer. They keep their ids, and so their wallets."""

from __future__ import annotations

import secrets
import string
import uuid
from typing import Any, Final

from local.state import StateDirectory

FILE: Final = "identity.json"
_SEEDED: Final = (("trader@example.com", ()), ("admin@example.com", ("admin",)))
_ALPHABET: Final = string.ascii_letters + string.digits


def ensure(state: StateDirectory) -> list[dict[str, Any]]:
    """Return the two seeded users with their passwords. Create those that are missing."""
    identity = state.read(FILE) or {"users": [], "refresh_tokens": {}}
    known = {user["email"]: user for user in identity["users"]}
    missing = [(email, groups) for email, groups in _SEEDED if email not in known]
    for email, groups in missing:
        known[email] = {
            "sub": str(uuid.uuid4()),
            "email": email,
            "password": _password(),
            "groups": list(groups),
            "status": "CONFIRMED",
            "enabled": True,
            "attributes": {"email": email, "email_verified": "true"},
        }
    if missing:
        state.write(FILE, {**identity, "users": list(known.values())})
    return [known[email] for email, _ in _SEEDED]


def _password() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return f"{body}-Aa1"
