"""The exit codes of ``moniqo-admin``."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """0: the check or the work succeeded. 1: a problem was found, and the output names it. 2: the command failed."""

    AGREES = 0
    DIFFERS = 1
    UNKNOWN = 2
