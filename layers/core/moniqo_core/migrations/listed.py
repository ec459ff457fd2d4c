"""The list of migrations. A release only adds to its end.

A migration that has run is not changed. When an index or a seeded definition is added or changed, a new number runs
the same step again, or the part of it that changed. :mod:`moniqo_core.migrations.run` has the steps, which functions do
not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration. Until a required one has run, the service of this release is not safe to use."""

    number: int
    name: str
    required: bool = True


MIGRATIONS: Final = (
    Migration(1, "indexes"),
    Migration(2, "definitions"),
    # It needs the encryption keys and the venues, which may be silent, so the service does not wait for it.
    Migration(3, "account fingerprints", required=False),
    # A fork that misses checkpoints is slow once, and writes those it needs.
    Migration(4, "journal checkpoints", required=False),
    # The first read of performance that misses totals is slow once, and stores them.
    Migration(5, "trade totals", required=False),
    Migration(6, "indexes of lists"),
    Migration(7, "indexes of live journals"),
    # The first order of a wallet begins its journal, if this has not.
    Migration(8, "live journals", required=False),
)
"""Every migration, by number."""

REQUIRED: Final = tuple(each for each in MIGRATIONS if each.required)
"""The migrations that the service requires."""
