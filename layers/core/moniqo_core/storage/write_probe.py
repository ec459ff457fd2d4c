"""A write that shows whether the database stores anything now."""

from __future__ import annotations

from typing import Final

from moniqo_core.domain.clock import utc_now
from moniqo_core.storage.document import Database

_COLLECTION: Final = "deployment"


async def probe_write(database: Database) -> None:
    """Replace the time of the last probe, in one round trip.

    A database whose disk is full, or that lost its primary, answers reads and its own version for long.

    Raises:
        DatabaseError: the write failed. :func:`moniqo_core.storage.client.is_outage` tells why.

    """
    await database[_COLLECTION].update_one({"_id": "write_probe"}, {"$set": {"at": utc_now()}}, upsert=True)
