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
        self.under_way: list[frozenset[str]] = []
        """For each sent command, the commands under way at that moment, including itself."""
        self._open: dict[int, str] = {}

    def started(self, event: Any) -> None:
        if event.command_name not in {"hello", "ping", "endSessions", "killCursors", "isMaster"}:
            self.commands.append(event.command_name)
            self._open[event.request_id] = event.command_name
            self.under_way.append(frozenset(self._open.values()))

    def succeeded(self, event: Any) -> None:
        self._open.pop(event.request_id, None)

    def failed(self, event: Any) -> None:
        self._open.pop(event.request_id, None)


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


@contextmanager
def under_way() -> Iterator[list[frozenset[str]]]:
    """Yield a list that holds, at the end of the block, for each command sent within it what was under way then."""
    before = len(_listener.under_way)
    seen: list[frozenset[str]] = []
    yield seen
    seen.extend(_listener.under_way[before:])
