"""Counting the documents that a block of a test reads from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring


class _Reads(monitoring.CommandListener):
    """Counts the documents of every answer by collection."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: Any) -> None: ...

    def succeeded(self, event: Any) -> None:
        cursor = event.reply.get("cursor", {})
        _, _, collection = cursor.get("ns", "").partition(".")
        self.counts[collection] += len(cursor.get("firstBatch", cursor.get("nextBatch", ())))

    def failed(self, event: Any) -> None: ...


_listener = _Reads()
# Clients take over their listeners when they are created, so this module is imported before that.
monitoring.register(_listener)


@contextmanager
def documents_read() -> Iterator[Counter[str]]:
    """Yield a counter that holds, at the end of the block, the documents read within it by collection."""
    before = _listener.counts.copy()
    seen: Counter[str] = Counter()
    yield seen
    seen.update(_listener.counts - before)
