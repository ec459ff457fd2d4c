"""The users who can log in on this computer. They keep their ids, and so their wallets."""

from __future__ import annotations

import secrets
import string
import uuid
from typing import Any, Final

from local.state import StateDirectory

FILE: Final = "identity.json"
BACKUP: Final = "identity.backup.json"
"""The users as they were at the last start."""
_ADVICE: Final = (
    f"It says which user owns which wallet, so do not delete it. Correct it, or copy {BACKUP} over it."
    " To give up all wallets, delete the whole folder."
)
_SEEDED: Final = (("trader@example.com", ()), ("admin@example.com", ("admin",)))
_ALPHABET: Final = string.ascii_letters + string.digits


def read(state: StateDirectory) -> dict[str, Any]:
    """Return the users and their refresh tokens. ``LocalError`` if the file is broken."""
    kept: dict[str, Any] | None = state.read(FILE, _is_valid, _ADVICE)
    return {"users": [], "refresh_tokens": {}} if kept is None else kept


def ensure(state: StateDirectory) -> list[dict[str, Any]]:
    """Return the two seeded users with their passwords. Create those that are missing."""
    identity = read(state)
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
    identity = {**identity, "users": list(known.values())}
    if missing:
        state.write(FILE, identity)
    state.write(BACKUP, identity)
    return [known[email] for email, _ in _SEEDED]


def _is_valid(kept: Any) -> bool:
    texts = ("sub", "email", "password", "status")
    return all(isinstance(owner, list | tuple) for owner in kept["refresh_tokens"].values()) and all(
        all(isinstance(user[name], str) and user[name] for name in texts)
        and isinstance(user["enabled"], bool)
        and all(isinstance(group, str) for group in [*user["groups"]])
        and all(isinstance(value, str) for value in user["attributes"].values())
        for user in [*kept["users"]]
    )


def _password() -> str:
    body = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return f"{body}-Aa1"
