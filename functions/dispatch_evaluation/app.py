"""Queue every wallet whose resting orders are to meet the market; the schedule calls this."""

from __future__ import annotations

from typing import Any

from moniqo import bootstrap, event_loop
from moniqo.domain.clock import utc_now
from moniqo.services.sync_messages import scheduled_time


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Queue the wallets to evaluate at the scheduled time and tell how many there were."""
    bootstrap.configure_logging()
    scheduled = scheduled_time(event, utc_now())
    return {"queued": event_loop.run(bootstrap.evaluation_dispatch().dispatch(scheduled))}
