"""The data that a deployment stores once for all wallets: the simulation seed and the live trading switch."""

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


@dataclass(frozen=True, slots=True)
class LiveTradingSwitch:
    """The switch that stops every live order, with the time and the reason of its last change."""

    stopped: bool = False
    since: datetime | None = None
    reason: str | None = None


async def read_live_trading_switch(database: Database) -> LiveTradingSwitch:
    """Return the state of the switch. A switch that was never set lets orders pass."""
    found = await database[DEPLOYMENT].find_one({"_id": LIVE_TRADING_SWITCH})
    return (
        LiveTradingSwitch() if found is None else LiveTradingSwitch(found["stopped"], found["since"], found["reason"])
    )


async def set_live_trading_switch(database: Database, switch: LiveTradingSwitch) -> None:
    """Set the switch. Once this returns, no order decided later passes a stopped switch."""
    fields = {"stopped": switch.stopped, "since": switch.since, "reason": switch.reason}
    await database[DEPLOYMENT].replace_one({"_id": LIVE_TRADING_SWITCH}, fields, upsert=True)
