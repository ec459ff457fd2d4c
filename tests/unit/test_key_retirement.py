"""How keys are made, and when a key that no document needs leaves the ring."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from moniqo_core.credentials.key_retirement import successor
from moniqo_core.credentials.key_ring import Key, KeyRing, new_key

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def test_key_id_has_sixteen_hex_digits_and_the_key_256_bits() -> None:
    made = new_key(NOON)
    assert re.fullmatch("[0-9a-f]{16}", made.kid)
    assert len(made.material) == 32


def test_key_without_documents_stays_for_the_grace_period() -> None:
    ages = {"unused": 9, "used": 8, "newest": 1}
    ring = KeyRing({name: Key(name, b"m", NOON - days * DAY) for name, days in ages.items()})
    new, grace = Key("new", b"m", NOON), 2 * DAY
    marked = successor(ring, new, {"used"}, NOON, grace)
    since = {key.kid: key.unused_since for key in marked.keys.values()}
    assert since == {"unused": NOON, "used": None, "newest": None, "new": None}
    without_new = KeyRing({kid: key for kid, key in marked.keys.items() if kid != "new"})
    assert "unused" in successor(without_new, new, {"used"}, NOON + grace - SECOND, grace).keys
    assert "unused" not in successor(without_new, new, {"used"}, NOON + grace, grace).keys
