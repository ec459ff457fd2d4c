"""The switch that stops every live order of a deployment, stored in MongoDB."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moniqo_core.storage.document import Database
from moniqo_core.storage.simulation_seed import DEPLOYMENT

LIVE_TRADING_SWITCH = "live_trading"


@dataclass(frozen=True, slots=True)
class LiveTradingSwitch:
    """The state of the switch, when it was set, and why."""

    stopped: bool = False
    since: datetime | None = None
    reason: str | None = None


async def read_live_trading_switch(database: Database) -> LiveTradingSwitch:
    """Return the state of the switch. A switch that was never set does not stop orders."""
    found = await database[DEPLOYMENT].find_one({"_id": LIVE_TRADING_SWITCH})
    return (
        LiveTradingSwitch() if found is None else LiveTradingSwitch(found["stopped"], found["since"], found["reason"])
    )


async def set_live_trading_switch(database: Database, switch: LiveTradingSwitch) -> None:
    """Set the switch. When it stops orders, an order that is decided after this call is refused."""
    fields = {"stopped": switch.stopped, "since": switch.since, "reason": switch.reason}
    await database[DEPLOYMENT].update_one({"_id": LIVE_TRADING_SWITCH}, {"$set": fields}, upsert=True)
