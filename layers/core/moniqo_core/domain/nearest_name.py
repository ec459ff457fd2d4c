"""Finds the name that a misspelt one most likely stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 100
"""Characters of the asked name that are compared."""
SHORTEST_PART: Final = 3
ALIKE: Final = 0.65

_SIGNS: Final = re.compile(r"[\W_]+")


def nearest_name(asked: str, known: Iterable[str]) -> str | None:
    """Return the name in ``known`` that is most like ``asked``, None when none is.

    A name that differs only in case and signs comes first, so ``btcusdt`` is ``BTC/USDT``. Next come names that contain
    ``asked`` or are part of it, and then the most similar spelling.
    """
    wanted = _letters(asked[:LONGEST])
    spelt = {name: _letters(name) for name in sorted(known)}
    same = [name for name, letters in spelt.items() if letters == wanted]
    if same or not wanted:
        return same[0] if same else None
    parts = [name for name, letters in spelt.items() if _is_part(letters, wanted)]
    # Imported here, because only a refusal needs it.
    from difflib import SequenceMatcher

    def likeness(name: str) -> float:
        return SequenceMatcher(None, spelt[name], wanted).ratio()

    best = max(parts or spelt, key=likeness, default=None)
    return best if best is not None and (parts or likeness(best) >= ALIKE) else None


def _letters(name: str) -> str:
    return _SIGNS.sub("", name.casefold())


def _is_part(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORTEST_PART and shorter in longer
