"""Cache definitions in the execution environment. An admin's change takes effect within a minute."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.storage.wallets.definitions import DefinitionStore

KNOWN_SECONDS: Final = 60.0


class KnownDefinitions:
    """Reads definitions, each at most a minute old."""

    def __init__(self, store: DefinitionStore) -> None:
        """Start with an empty cache over ``store``."""
        self._store = store
        self._known: dict[str, tuple[float, Definition]] = {}

    async def get_many(self, ids: Collection[str]) -> Mapping[str, Definition]:
        """Return definitions by id. One that does not exist is missing from the result."""
        missing = [name for name in ids if self._remembered(name) is None]
        if missing:
            read_at = time.monotonic()
            found = await self._store.get_many(missing)
            self._known |= {name: (read_at, definition) for name, definition in found.items()}
        return {name: self._known[name][1] for name in ids if name in self._known}

    async def get(self, slug: str) -> Definition:
        """Return the definition with this slug, or raise NotFoundError."""
        definition = self._remembered(slug)
        if definition is None:
            read_at = time.monotonic()
            definition = await self._store.get(slug)
            self._known[slug] = (read_at, definition)
        return definition

    def _remembered(self, name: str) -> Definition | None:
        read_at, definition = self._known.get(name, (0.0, None))
        return definition if read_at >= time.monotonic() - KNOWN_SECONDS else None
