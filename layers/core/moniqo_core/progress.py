"""A progress bar on a terminal's error stream; nothing is drawn where nobody watches."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

_WIDTH: Final = 30
_EVERY: Final = 0.1


class Progress:
    """Shows how much of ``total`` is done, at most ten times a second. Use it as ``with Progress(...)``."""

    def __init__(self, unit: str, total: int, stream: TextIO | None = None) -> None:
        """Count ``unit``s on ``stream``."""
        self._unit = unit
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._watched = self._stream.isatty()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._clear()

    def reach(self, done: int) -> None:
        """Show that ``done`` are done."""
        now = time.monotonic()
        if not self._watched or now - self._drawn < _EVERY:
            return
        self._drawn = now
        total = max(self._total, done)
        filled = _WIDTH * done // total if total else 0
        self._stream.write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total} {self._unit}")
        self._stream.flush()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self._clear()
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._watched:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
