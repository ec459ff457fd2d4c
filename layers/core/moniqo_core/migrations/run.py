"""Runs migrations, and checks whether those that the service requires have run."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection
from typing import Final

from moniqo_core import __version__
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.migrations.listed import MIGRATIONS, Migration, Progress
from moniqo_core.storage.client import server_version
from moniqo_core.storage.document import Database
from moniqo_core.storage.migration_records import MigrationRecords

REQUIRED: Final = tuple(each for each in MIGRATIONS if each.required)
_SILENCE_SECONDS: Final = 3.0


async def migrate(
    database: Database,
    progress: Progress,
    migrations: Collection[Migration] = MIGRATIONS,
    *,
    again: Collection[int] = (),
) -> AsyncIterator[tuple[Migration, str]]:
    """Run those of ``migrations`` that have not run, and those of ``again``. Yield each that ended, with its result.

    ``progress`` gets a text at most every few seconds.

    Raises:
        UnsupportedServerError: the server is older than MongoDB 8.
        DatabaseError: the database failed. What a migration changed before that stays, and the next run goes on.

    """
    await server_version(database)
    records, seldom = MigrationRecords(database), _seldom(progress)
    done = await records.done()
    for each in migrations:
        if each.number in done and each.number not in again:
            continue
        await records.begin(each.number, each.name, __version__, utc_now())
        result = await each.run(database, seldom)
        await records.finish(each.number, result, __version__, utc_now())
        yield each, result


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


def _seldom(progress: Progress) -> Progress:
    """Return a function that passes a text on if the last one was passed on some seconds ago."""
    told = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told
        if time.monotonic() - told > _SILENCE_SECONDS:
            progress(text)
            told = time.monotonic()

    return tell
