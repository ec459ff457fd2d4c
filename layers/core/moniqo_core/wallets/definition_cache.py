"""Definitions as an execution environment remembers them: what an administrator changes is seen within a minute."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.storage.wallets.definitions import DefinitionStore

KNOWN_SECONDS: Final = 60.0


class KnownDefinitions:
    """Reads definitions, each a minute old at most."""

    def __init__(self, store: DefinitionStore) -> None:
        """Read from ``store``; nothing is known yet."""
        self._store = store
        self._known: dict[str, tuple[float, Definition]] = {}

    async def get_many(self, ids: Collection[str]) -> Mapping[str, Definition]:
        """Definitions by id; one that does not exist is missing."""
        missing = [name for name in ids if self._remembered(name) is None]
        if missing:
            read_at = time.monotonic()
            found = await self._store.get_many(missing)
            self._known |= {name: (read_at, definition) for name, definition in found.items()}
        return {name: self._known[name][1] for name in ids if name in self._known}

    async def get(self, slug: str) -> Definition:
        """The definition with a slug; raises NotFoundError."""
        definition = self._remembered(slug)
        if definition is None:
            read_at = time.monotonic()
            definition = await self._store.get(slug)
            self._known[slug] = (read_at, definition)
        return definition

    def _remembered(self, name: str) -> Definition | None:
        read_at, definition = self._known.get(name, (0.0, None))
        return definition if read_at >= time.monotonic() - KNOWN_SECONDS else None
