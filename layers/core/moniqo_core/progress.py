"""A progress bar on standard error. It draws nothing if that is not a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self, TextIO

_WIDTH: Final = 30
_EVERY: Final = 0.1


class Progress:
    """Shows how much of ``total`` is done, and redraws at most ten times a second. Use it as ``with Progress(...)``."""

    def __init__(self, unit: str, total: int, stream: TextIO | None = None) -> None:
        """Count up to ``total`` in ``unit``s, and draw on ``stream``, which is standard error by default."""
        self._unit = unit
        self._total = total
        self._stream = sys.stderr if stream is None else stream
        self._watched = self._stream.isatty()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        """Return the progress bar."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the bar."""
        self._clear()

    def reach(self, done: int) -> None:
        """Show that ``done`` of the total are done."""
        now = time.monotonic()
        if not self._watched or now - self._drawn < _EVERY:
            return
        self._drawn = now
        total = max(self._total, done)
        filled = _WIDTH * done // total if total else 0
        self._stream.write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total} {self._unit}")
        self._stream.flush()

    def say(self, line: str) -> None:
        """Print a line to standard output, which stays above the bar."""
        self._clear()
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._watched:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
