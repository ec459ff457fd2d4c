"""Checks whether the migrations that the service requires have run."""

from __future__ import annotations

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.migrations.listed import REQUIRED
from moniqo_core.storage.document import Database
from moniqo_core.storage.migration_records import MigrationRecords


async def require_migrations(database: Database) -> None:
    """Check that every required migration has run. One round trip.

    Raises:
        TemporarilyUnavailableError: at least one has not. Its text names the first, and the hint the next step.

    """
    done = await MigrationRecords(database).done()
    missing = [each for each in REQUIRED if each.number not in done]
    if missing:
        detail = f"Migration {missing[0].number} ({missing[0].name}) has not run on this database."
        hint = "The operator of this deployment must run `moniqo-admin migrate` of this release."
        raise TemporarilyUnavailableError(detail, retry_after=60, hint=hint)
