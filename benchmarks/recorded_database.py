"""A database that answers from memory, for measurements in which neither the server nor the driver takes part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moniqo_core import bootstrap


class Recorded:
    """A collection that asks the real one once for each method, and then repeats that answer."""

    def __init__(self, collection: Any) -> None:
        """Stand in for ``collection``."""
        self._collection = collection
        self._kept: dict[str, list[dict[str, Any]]] = {}

    async def aggregate(self, *arguments: Any, **options: Any) -> AsyncIterator[dict[str, Any]]:
        """Answer rows."""
        if "aggregate" not in self._kept:
            self._kept["aggregate"] = await (await self._collection.aggregate(*arguments, **options)).to_list()
        return _rows(self._kept["aggregate"])

    async def find_one(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Answer one document."""
        if "find_one" not in self._kept:
            self._kept["find_one"] = [await self._collection.find_one(*arguments, **options)]
        return dict(self._kept["find_one"][0])

    async def update_one(self, *_: Any, **__: Any) -> None:
        """Take a write."""


async def _rows(kept: Sequence[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    for document in kept:
        yield dict(document)


class RecordedDatabase:
    """A database of :class:`Recorded` collections, whose bulk writes do nothing."""

    def __init__(self, database: Any) -> None:
        """Stand in for ``database``."""
        self._database = database
        self._collections: dict[str, Recorded] = {}
        self.name = database.name
        self.codec_options = database.codec_options
        self.client = SimpleNamespace(bulk_write=_forget)

    def __getitem__(self, name: str) -> Recorded:
        """Return the collection."""
        return self._collections.setdefault(name, Recorded(self._database[name]))


async def _forget(*_: Any, **__: Any) -> None:
    """Take a write."""


@contextmanager
def served_by(database: Any) -> Iterator[None]:
    """Let handlers use ``database``, and nothing that was made for another one before."""
    for made in vars(bootstrap).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()
    with patch.object(bootstrap, "database", lambda: database):
        yield
