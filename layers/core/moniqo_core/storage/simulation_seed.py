"""The secret seed of the simulated market, of which a deployment has one."""

from __future__ import annotations

import secrets
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from moniqo_core.storage.document import Database

DEPLOYMENT = "deployment"


async def simulation_seed(database: Database) -> str:
    """Return the secret seed of the simulated market. The first call draws it.

    It is stored in the database, not with the encryption keys, so that a wallet in a script sees the same market as
    the service.
    """
    seed = await find_simulation_seed(database)
    if seed is None:
        with suppress(DuplicateKeyError):  # another process drew one at the same time, which is the seed
            await database[DEPLOYMENT].insert_one({"_id": "simulation", "seed": secrets.token_hex(32)})
        seed = await find_simulation_seed(database)
    assert seed is not None  # noqa: S101  it was inserted above or by another process
    return seed


async def find_simulation_seed(database: Database) -> str | None:
    """Return the seed of the simulated market, or None if none has been drawn yet."""
    found = await database[DEPLOYMENT].find_one({"_id": "simulation"})
    return None if found is None else str(found["seed"])
