"""Tells the name of a field from a secret that was pasted in its place."""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"(?=.{1,40}\Z)[a-z]+(?:_[a-z]+)*[0-9]{0,2}", re.ASCII)


def is_safe_to_repeat(name: str) -> bool:
    """Tell whether an unknown field name may be repeated in an error text.

    The names of all our fields are lower-case words joined by underscores, at most 40 characters long. Anything else
    may be a secret.
    """
    return bool(_NAME.fullmatch(name))
