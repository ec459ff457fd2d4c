"""Creates missing indexes and seeds the wallet definitions: ``python -m moniqo_core.prepare``.

`make indexes` runs it at every deployment. Repeating it changes nothing.
"""

from __future__ import annotations

import sys

from moniqo_core import bootstrap, event_loop
from moniqo_core.config import SettingError
from moniqo_core.storage.client import UnsupportedServerError
from moniqo_core.storage.indexes import ensure_indexes
from moniqo_core.storage.wallets.definition_seeds import seed_definitions


async def prepare() -> None:
    """Bring the database to the state that this version expects."""
    db = bootstrap.database()
    try:
        await ensure_indexes(db)
        await seed_definitions(db)
    finally:
        await db.client.close()


def main() -> int:
    """Prepare the database and return the exit code. An unusable setting or server gives one line of text."""
    try:
        event_loop.run(prepare())
    except (SettingError, UnsupportedServerError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints its result
        return 1
    print("Indexes and definitions are in place.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
