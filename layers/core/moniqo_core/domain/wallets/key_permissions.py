"""Permissions of an API key at its venue, and when they pause a wallet."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """Permissions of an API key. ``ip_restricted`` is None when the venue does not report it."""

    can_read: bool
    can_trade: bool
    can_withdraw: bool
    ip_restricted: bool | None = None


def reason_to_pause(before: KeyPermissions | None, now: KeyPermissions) -> str | None:
    """Return why a key must pause its wallet, or None.

    A key pauses its wallet when it can withdraw, or when its permissions differ from those ``before``. A permission
    that was not known before has not changed.
    """
    if now.can_withdraw:
        return "The API key can withdraw funds. Anyone who obtained it could empty the account."
    if before is None or before == now:
        return None
    changed = [
        field.name for field in fields(now) if getattr(before, field.name) not in {None, getattr(now, field.name)}
    ]
    return f"The permissions of the API key changed at the venue: {', '.join(changed)}." if changed else None
