"""The list of migrations. A release only adds to its end.

A migration that has run is not changed. When an index or a seeded definition is added or changed, a new number runs
the same step again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from moniqo_core.storage.document import Database

Progress = Callable[[str], None]
"""Takes a text that says how far a migration is."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. ``run`` returns what it did, as a sentence.

    Running it again finds what is left to do. It must not disturb another process that runs it at the same time.
    Without a required migration, the service of this release is not safe to use, and its health check fails.
    """

    number: int
    name: str
    run: Callable[[Database, Progress], Awaitable[str]]
    required: bool = True


async def _create_indexes(database: Database, progress: Progress) -> str:
    from moniqo_core.storage.indexes import INDEXES, ensure_indexes

    for number, collection in enumerate(INDEXES):
        progress(f"indexes of {number} of {len(INDEXES)} collections are there")
        await ensure_indexes(database, [collection])
    return f"The indexes of {len(INDEXES)} collections are there."


async def _seed_definitions(database: Database, _: Progress) -> str:
    from moniqo_core.storage.wallets.definition_seeds import SEEDS, seed_definitions

    await seed_definitions(database)
    return f"The {len(SEEDS)} wallet definitions are there, as seeded or as an admin left them."


async def _complete_account_fingerprints(database: Database, progress: Progress) -> str:
    from moniqo_core.migrations.account_fingerprints import complete_account_fingerprints

    return await complete_account_fingerprints(database, progress)


MIGRATIONS: Final = (
    Migration(1, "indexes", _create_indexes),
    Migration(2, "definitions", _seed_definitions),
    # It needs the encryption keys and the venues, which may be silent, so the service does not wait for it.
    Migration(3, "account fingerprints", _complete_account_fingerprints, required=False),
)
"""Every migration, by number."""
