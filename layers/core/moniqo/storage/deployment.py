"""What a deployment keeps once for all its wallets."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

DEPLOYMENT = "deployment"


async def simulation_seed(database: AsyncDatabase[dict[str, Any]]) -> str:
    """Return the secret seed of the simulated market, drawn when it is asked for the first time.

    It stands in the database and not beside the keys, so that a wallet in a script sees the service's market.
    """
    seed = await drawn_seed(database)
    if seed is None:
        with suppress(DuplicateKeyError):  # somebody drew one at the same moment: theirs is the seed
            await database[DEPLOYMENT].insert_one({"_id": "simulation", "seed": secrets.token_hex(32)})
        seed = await drawn_seed(database)
    assert seed is not None  # noqa: S101  it was inserted above or by another
    return seed


async def drawn_seed(database: AsyncDatabase[dict[str, Any]]) -> str | None:
    """Return the seed of the simulated market, None while nobody has asked for it."""
    found = await database[DEPLOYMENT].find_one({"_id": "simulation"})
    return None if found is None else str(found["seed"])
