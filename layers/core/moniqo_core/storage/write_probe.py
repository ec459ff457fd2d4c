"""A write that shows whether the database stores anything now."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from moniqo_core.domain.clock import utc_now
from moniqo_core.storage.document import Database
from moniqo_core.storage.simulation_seed import DEPLOYMENT

GOOD_FOR_SECONDS: Final = 10.0
"""How long a successful write counts. Anyone may call the health route, so not every call may write."""


class WriteProbe:
    """Remembers when a write to the database last succeeded. An execution environment has one."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Probe ``database``. ``monotonic`` returns a time in seconds that never goes back."""
        self._database = database
        self._monotonic = monotonic
        self._succeeded_at: float | None = None

    async def run(self) -> None:
        """Replace the time of the last probe, in one round trip, unless that succeeded within the last 10 seconds.

        A database whose disk is full, or that lost its primary, still answers reads and the query of its version for
        a long time. A failed write is not remembered, so the next call writes again.

        Raises:
            DatabaseError: the write failed. :func:`moniqo_core.storage.client.is_outage` tells why.

        """
        now = self._monotonic()
        if self._succeeded_at is not None and now - self._succeeded_at < GOOD_FOR_SECONDS:
            return
        await self._database[DEPLOYMENT].update_one({"_id": "write_probe"}, {"$set": {"at": utc_now()}}, upsert=True)
        self._succeeded_at = now
