"""Telling the name of a field from a secret that was pasted where a name belongs."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"(?=.{1,40}\Z)[a-z]+(?:_[a-z]+)*[0-9]{0,2}", re.ASCII)


def is_safe_to_repeat(name: str) -> bool:
    """Tell whether a name nobody knows may stand in an error: short, lower case words, as all our fields are."""
    return bool(_NAME.fullmatch(name))
