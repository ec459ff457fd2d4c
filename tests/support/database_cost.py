"""Counting what a block of a test costs the database: commands, documents and bytes of answers, documents examined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import bson
from pymongo import monitoring

from tests.conftest import Database
from tests.support.documents_read import documents_read
from tests.support.round_trips import round_trips


class _Reads(monitoring.CommandListener):
    """Counts the bytes of every answer by collection, and keeps the reads themselves."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.reads: list[dict[str, Any]] = []

    def started(self, event: Any) -> None:
        if event.command_name in {"find", "aggregate"}:
            self.reads.append(dict(event.command))

    def succeeded(self, event: Any) -> None:
        cursor = event.reply.get("cursor", {})
        _, _, collection = cursor.get("ns", "").partition(".")
        documents = cursor.get("firstBatch", cursor.get("nextBatch", ()))
        size = sum(len(bson.encode(document)) for document in documents)
        self.counts[collection] = self.counts.get(collection, 0) + size

    def failed(self, event: Any) -> None: ...


_listener = _Reads()
# Clients take over their listeners when they are created, so this module is imported before that.
monitoring.register(_listener)


@dataclass
class Cost:
    """Names of commands, sorted, the documents and bytes of all answers, and the reads among the commands."""

    commands: list[str] = field(default_factory=list)
    documents: int = 0
    bytes: int = 0
    reads: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def database_cost() -> Iterator[Cost]:
    """Yield what is, at the end of the block, its cost."""
    before, kept = dict(_listener.counts), len(_listener.reads)
    cost = Cost()
    with ExitStack() as stack:
        commands = stack.enter_context(round_trips())
        documents = stack.enter_context(documents_read())
        yield cost
    cost.commands = sorted(commands)
    cost.documents = sum(documents.values())
    cost.bytes = sum(size - before.get(name, 0) for name, size in _listener.counts.items())
    cost.reads = _listener.reads[kept:]


async def examined(database: Database, cost: Cost, collection: str) -> int:
    """Return how many documents of a collection the server examines for the reads of ``cost``.

    A join is not explained. It must be one by ``_id``, which finds one document at most.
    """
    total = 0
    for read in cost.reads:
        if read.get("find") == collection:
            query = {name: read[name] for name in ("find", "filter", "sort", "limit", "projection") if name in read}
            found = await database.command({"explain": query, "verbosity": "executionStats"})
            total += found["executionStats"]["totalDocsExamined"]
        else:
            assert read.get("aggregate") != collection
            joins = [stage["$lookup"] for stage in read.get("pipeline", ()) if "$lookup" in stage]
            assert all(join.get("foreignField") == "_id" for join in joins if join["from"] == collection)
    return total
