"""When a key that no document needs may leave the key ring."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from moniqo_core.credentials.key_ring import Key, KeyRing


def successor(ring: KeyRing, new: Key, needed: Collection[str], now: datetime, grace: timedelta) -> KeyRing:
    """Return the ring after a rotation. ``needed`` are the ids of keys that stored documents were encrypted with.

    The key ``new`` is added. A superseded key that is not needed is marked as unused, and removed if it was marked at
    least ``grace`` ago. A writer that took the key just before it was superseded has stored its document by then.
    The key of account fingerprints is stored, so it stays when the key that it was derived from leaves.
    """
    superseded = {key.kid for key in ring.superseded(now)}
    kept = {}
    for kid, key in ring.keys.items():
        if kid not in superseded or kid in needed:
            kept[kid] = replace(key, unused_since=None)
        elif key.unused_since is None:
            kept[kid] = replace(key, unused_since=now)
        elif now - key.unused_since < grace:
            kept[kid] = key
    return KeyRing({**kept, new.kid: new}, ring.account_key)


def missing_keys(current: KeyRing, candidate: KeyRing, needed: Collection[str]) -> list[str]:
    """Return the ids of keys that ``candidate`` must keep, but lacks or has with other material.

    Only keys that are marked as unused and are not needed again may be missing.
    """
    return sorted(
        kid
        for kid, key in current.keys.items()
        if (key.unused_since is None or kid in needed)
        and (kid not in candidate.keys or candidate.keys[kid].material != key.material)
    )
