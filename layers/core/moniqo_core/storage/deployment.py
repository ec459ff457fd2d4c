"""What a deployment keeps once for all its wallets."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from moniqo_core.storage.document import Database

DEPLOYMENT = "deployment"
LIVE_TRADING_SWITCH = "live_trading"


async def simulation_seed(database: Database) -> str:
    """Return the secret seed of the simulated market, drawn when it is asked for the first time.

    It stands in the database and not beside the keys, so that a wallet in a script sees the service's market.
    """
    seed = await find_simulation_seed(database)
    if seed is None:
        with suppress(DuplicateKeyError):  # somebody drew one at the same moment: theirs is the seed
            await database[DEPLOYMENT].insert_one({"_id": "simulation", "seed": secrets.token_hex(32)})
        seed = await find_simulation_seed(database)
    assert seed is not None  # noqa: S101  it was inserted above or by another
    return seed


async def find_simulation_seed(database: Database) -> str | None:
    """Return the seed of the simulated market, None while nobody has asked for it."""
    found = await database[DEPLOYMENT].find_one({"_id": "simulation"})
    return None if found is None else str(found["seed"])


@dataclass(frozen=True, slots=True)
class LiveTradingSwitch:
    """The switch that stops every live order: since when it stands so, and why."""

    stopped: bool = False
    since: datetime | None = None
    reason: str | None = None


async def read_live_trading_switch(database: Database) -> LiveTradingSwitch:
    """Return how the switch stands; one that nobody touched lets orders pass."""
    found = await database[DEPLOYMENT].find_one({"_id": LIVE_TRADING_SWITCH})
    return (
        LiveTradingSwitch() if found is None else LiveTradingSwitch(found["stopped"], found["since"], found["reason"])
    )


async def set_live_trading_switch(database: Database, switch: LiveTradingSwitch) -> None:
    """Turn the switch; no order that is decided after this returns passes a switch that stops."""
    fields = {"stopped": switch.stopped, "since": switch.since, "reason": switch.reason}
    await database[DEPLOYMENT].replace_one({"_id": LIVE_TRADING_SWITCH}, fields, upsert=True)
