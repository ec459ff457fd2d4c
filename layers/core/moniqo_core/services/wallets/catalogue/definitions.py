"""The catalogue of wallet definitions. Every user may read it, admins change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import uuid4

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletInUseError
from moniqo_core.domain.wallets.definition import Definition
from moniqo_core.domain.wallets.list_queries import DefinitionCursor, DefinitionFilter
from moniqo_core.services.wallets.catalogue.venue_addresses import VenueAddresses
from moniqo_core.storage.wallets.definitions import DefinitionStore, read_definition


class Definitions:
    """Reads and changes definitions."""

    def __init__(self, store: DefinitionStore, addresses: VenueAddresses, now: Clock = utc_now) -> None:
        """Use this store. ``addresses`` says which addresses a definition may hold."""
        self._store = store
        self._addresses = addresses
        self._now = now

    async def get(self, slug_or_id: str) -> Definition:
        """Return one definition, or raise NotFoundError."""
        return await self._store.get(slug_or_id)

    async def list(self, wanted: DefinitionFilter, after: DefinitionCursor | None, limit: int) -> Sequence[Definition]:
        """Return up to ``limit`` definitions, sorted by ``order`` and slug."""
        return await self._store.list(wanted, after, limit)

    async def create(self, fields: Mapping[str, object]) -> Definition:
        """Store a definition with these fields and a new id.

        Raises:
            ValidationError: ``api_config`` has an address that is not one of the venue.
            DuplicateSlugError: another definition already uses this slug.

        """
        self._addresses.check(str(fields["slug"]), fields)
        now = self._now()
        definition = read_definition({**fields, "id": str(uuid4()), "created_at": now, "updated_at": now})
        await self._store.insert(definition)
        return definition

    async def update(self, slug: str, fields: Mapping[str, object]) -> Definition:
        """Replace the values of the given fields.

        Raises:
            ValidationError: ``api_config`` has an address that is not one of the venue.
            NotFoundError: there is no such definition.

        """
        self._addresses.check(slug, fields)
        return await self._store.update(slug, fields, self._now())

    async def delete(self, slug: str) -> None:
        """Remove a definition from the catalogue.

        Raises:
            NotFoundError: there is no such definition.
            WalletInUseError: users have wallets of this definition.

        """
        definition = await self._store.get(slug)
        if await self._store.is_used(definition.id):
            raise WalletInUseError(
                "Users have wallets of this kind.", hint="Set is_active to false to accept no new wallets of this kind."
            )
        await self._store.soft_delete(definition.id, self._now())
