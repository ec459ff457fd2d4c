"""Wallet definitions, in the collection ``wallets``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.errors import DuplicateSlugError, NotFoundError
from moniqo_core.domain.money import plain
from moniqo_core.storage.document import USER_WALLETS, Database, Document

if TYPE_CHECKING:
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.domain.wallets.list_queries import DefinitionCursor, DefinitionFilter

COLLECTION: Final = "wallets"


class DefinitionStore:
    """Reads and writes definitions. Only :meth:`get_many` finds deleted ones."""

    def __init__(self, db: Database) -> None:
        """Use the collections of ``db``."""
        self._definitions = db[COLLECTION]
        self._user_wallets = db[USER_WALLETS]

    async def get(self, slug_or_id: str) -> Definition:
        """Return one definition. An id takes precedence over an equal slug of another definition.

        Raises:
            NotFoundError: there is no such definition.

        """
        query: Document = {"$or": [{"slug": slug_or_id}, {"_id": slug_or_id}], "deleted_at": None}
        found = await self._definitions.find(query).limit(2).to_list()
        if not found:
            raise _missing()
        return read_stored_definition(max(found, key=lambda document: bool(document["_id"] == slug_or_id)))

    async def get_many(self, ids: Sequence[str]) -> Mapping[str, Definition]:
        """Return definitions by id, including deleted ones, because existing wallets keep using them."""
        found = self._definitions.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: read_stored_definition(document) async for document in found}

    async def list(self, wanted: DefinitionFilter, after: DefinitionCursor | None, limit: int) -> Sequence[Definition]:
        """Return up to ``limit`` definitions after the cursor ``after``, sorted by ``order`` and slug."""
        query: Document = {"deleted_at": None}
        if wanted.integration_type is not None:
            query["integration_type"] = wanted.integration_type.value
        if wanted.is_active is not None:
            query["is_active"] = wanted.is_active
        if wanted.is_demo is not None:
            query["is_demo"] = wanted.is_demo
        if wanted.market is not None:
            query["supported_markets"] = wanted.market.value
        if after is not None:
            query["$or"] = [{"order": {"$gt": after.order}}, {"order": after.order, "slug": {"$gt": after.slug}}]
        found = self._definitions.find(query).sort([("order", 1), ("slug", 1)]).limit(limit)
        return [read_stored_definition(document) for document in await found.to_list()]

    async def insert(self, definition: Definition) -> None:
        """Store a new definition.

        Raises:
            DuplicateSlugError: another definition has the same slug, or the id of one is the slug of the other.

        """
        # Requests name a definition by its id or its slug, so no two definitions may answer to one name.
        alike = {"$or": [{"_id": definition.slug}, {"slug": definition.id}]}
        if await self._definitions.find_one(alike, {"_id": 1}) is not None:
            raise _taken(definition.slug)
        try:
            await self._definitions.insert_one(definition_document(definition))
        except DuplicateKeyError:
            raise _taken(definition.slug) from None

    async def update(self, slug: str, fields: Mapping[str, object], now: datetime) -> Definition:
        """Set fields of a definition, and return the changed definition.

        Raises:
            NotFoundError: there is no such definition.

        """
        changed = await self._definitions.find_one_and_update(
            {"slug": slug, "deleted_at": None},
            {"$set": {**_stored(fields), "updated_at": now}},
            return_document=ReturnDocument.AFTER,
        )
        if changed is None:
            raise _missing()
        return read_stored_definition(changed)

    async def soft_delete(self, definition_id: str, now: datetime) -> None:
        """Mark a definition as deleted, which frees its slug.

        Raises:
            NotFoundError: there is no such definition.

        """
        result = await self._definitions.update_one(
            {"_id": definition_id, "deleted_at": None}, {"$set": {"deleted_at": now, "is_active": False}}
        )
        if not result.matched_count:
            raise _missing()

    async def is_used(self, definition_id: str) -> bool:
        """Tell whether any user wallet that is not deleted uses this definition."""
        used = await self._user_wallets.find_one({"wallet_id": definition_id, "deleted_at": None}, {"_id": 1})
        return used is not None


def definition_document(definition: Definition) -> Document:
    """Return the document of a definition."""
    fields = asdict(definition)
    return {"_id": fields.pop("id"), **_stored(fields)}


def read_stored_definition(document: Mapping[str, Any]) -> Definition:
    """Return the definition of a document of the collection."""
    return read_definition({**document, "id": document["_id"]})


def read_definition(fields: Mapping[str, Any]) -> Definition:
    """Return a definition from plain data, such as a parsed JSON object."""
    return _adapter().validate_python(fields)


@cache
def _adapter() -> TypeAdapter[Definition]:
    from moniqo_core.domain.wallets.definition import Definition

    return TypeAdapter(Definition)


def _stored(value: Any) -> Any:
    """Return amounts as plain strings, enums as their values and tuples as lists."""
    if isinstance(value, Mapping):
        return {name: _stored(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_stored(item) for item in value]
    if isinstance(value, Decimal):
        return plain(value)
    return value.value if isinstance(value, Enum) else value


def _taken(slug: str) -> DuplicateSlugError:
    return DuplicateSlugError("Another definition already uses this slug.", slug=slug)


def _missing() -> NotFoundError:
    return NotFoundError("There is no such wallet definition.")
