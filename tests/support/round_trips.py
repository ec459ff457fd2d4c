"""Counting the database round trips that a block of a test makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring


class RoundTrips(monitoring.CommandListener):
    """Collects the names of commands, those of the driver's own housekeeping left out."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def started(self, event: Any) -> None:
        if event.command_name not in {"hello", "ping", "endSessions", "killCursors", "isMaster"}:
            self.commands.append(event.command_name)

    def succeeded(self, event: Any) -> None:
        """Nothing to count."""

    def failed(self, event: Any) -> None:
        """Nothing to count."""


_listener = RoundTrips()
# Clients take over their listeners when they are created, so this module is imported before that.
monitoring.register(_listener)


@contextmanager
def round_trips() -> Iterator[list[str]]:
    """Yield a list that holds, at the end of the block, the commands sent within it."""
    before = len(_listener.commands)
    seen: list[str] = []
    yield seen
    seen.extend(_listener.commands[before:])
