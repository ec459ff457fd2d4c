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
    collection = database[DEPLOYMENT]
    found = await collection.find_one({"_id": "simulation"})
    if found is None:
        with suppress(DuplicateKeyError):  # somebody drew one at the same moment: theirs is the seed
            await collection.insert_one({"_id": "simulation", "seed": secrets.token_hex(32)})
        found = await collection.find_one({"_id": "simulation"})
    assert found is not None  # noqa: S101  it was inserted above or by another
    return str(found["seed"])
