"""Which migrations have run on a database, in the collection ``migrations``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moniqo_core.storage.document import Database

COLLECTION: Final = "migrations"


@dataclass(frozen=True, slots=True)
class MigrationRecord:
    """The last run of a migration. ``done_at`` is None if none has ended, for example because it was killed."""

    name: str
    started_at: datetime
    release: str
    done_at: datetime | None


class MigrationRecords:
    """The migrations that began or ended on one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._records = database[COLLECTION]

    async def begin(self, number: int, name: str, release: str, now: datetime) -> None:
        """Record that a migration begins. Several processes may run it at once."""
        fields = {"name": name, "release": release, "started_at": now}
        await self._records.update_one({"_id": number}, {"$set": fields}, upsert=True)

    async def finish(self, number: int, result: str, release: str, now: datetime) -> None:
        """Record that a migration has run. A record of its end is never removed."""
        fields = {"done_at": now, "release": release, "result": result}
        await self._records.update_one({"_id": number}, {"$set": fields}, upsert=True)

    async def read(self) -> Mapping[int, MigrationRecord]:
        """Return the records by number, also those of later releases. One round trip."""
        found = await self._records.find().sort("_id", 1).to_list()
        return {
            each["_id"]: MigrationRecord(each.get("name", ""), each["started_at"], each["release"], each.get("done_at"))
            for each in found
        }

    async def done(self) -> frozenset[int]:
        """Return the numbers of the migrations that have run. One round trip."""
        found = self._records.find({"done_at": {"$type": "date"}}, {"_id": 1})
        return frozenset([each["_id"] async for each in found])
