"""What the shell is told."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """0: all is well. 1: something is wrong, and the output says what. 2: it could not be found out or done."""

    AGREES = 0
    DIFFERS = 1
    UNKNOWN = 2
