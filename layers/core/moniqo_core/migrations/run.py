"""Runs migrations."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Final

from moniqo_core import __version__
from moniqo_core.domain.clock import utc_now
from moniqo_core.migrations.account_fingerprints import complete_account_fingerprints
from moniqo_core.migrations.journal_checkpoints import complete_checkpoints
from moniqo_core.migrations.listed import MIGRATIONS, Migration
from moniqo_core.migrations.live_journals import begin_journals
from moniqo_core.migrations.trade_totals import complete_totals
from moniqo_core.storage.client import server_version
from moniqo_core.storage.document import Database
from moniqo_core.storage.indexes import INDEXES, ensure_indexes
from moniqo_core.storage.live.journal.entry_ids import LIVE_ENTRIES
from moniqo_core.storage.migration_records import MigrationRecords
from moniqo_core.storage.paper.snapshots import ENTRIES
from moniqo_core.storage.wallets.definition_seeds import SEEDS, seed_definitions

Progress = Callable[[str], None]
"""Takes a text that says how far a migration is."""
_SILENCE_SECONDS: Final = 3.0


async def _create_indexes(database: Database, progress: Progress) -> str:
    for number, collection in enumerate(INDEXES):
        progress(f"indexes of {number} of {len(INDEXES)} collections are there")
        await ensure_indexes(database, [collection])
    return f"The indexes of {len(INDEXES)} collections are there."


async def _index_journals(database: Database, _: Progress) -> str:
    await ensure_indexes(database, [ENTRIES])
    return "The indexes of journals are there."


async def _index_live_journals(database: Database, _: Progress) -> str:
    await ensure_indexes(database, [LIVE_ENTRIES])
    return "The indexes of live journals are there."


async def _seed_definitions(database: Database, _: Progress) -> str:
    await seed_definitions(database)
    return f"The {len(SEEDS)} wallet definitions are there, as seeded or as an admin left them."


STEPS: Final[Mapping[int, Callable[[Database, Progress], Awaitable[str]]]] = {
    1: _create_indexes,
    2: _seed_definitions,
    3: complete_account_fingerprints,
    4: complete_checkpoints,
    5: complete_totals,
    6: _index_journals,
    7: _index_live_journals,
    8: begin_journals,
}
"""What each migration does, by number. A step returns what it did, as a sentence.

Running a step again finds what is left to do. It must not disturb another process that runs it at the same time.
"""


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
        result = await STEPS[each.number](database, seldom)
        await records.finish(each.number, result, __version__, utc_now())
        yield each, result


def _seldom(progress: Progress) -> Progress:
    """Return a function that passes a text on if the last one was passed on some seconds ago."""
    told = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told
        if time.monotonic() - told > _SILENCE_SECONDS:
            progress(text)
            told = time.monotonic()

    return tell
