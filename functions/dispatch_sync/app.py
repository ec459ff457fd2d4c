"""Queue every wallet whose balance sync is due. The schedule calls this."""

from __future__ import annotations

from typing import Any

from moniqo_core import bootstrap, event_loop, metrics, observability
from moniqo_core.domain.clock import utc_now
from moniqo_core.services.shared.schedule import scheduled_time


def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    """Queue the wallets due at the scheduled time and return their number."""
    bootstrap.configure_logging()
    observability.begin(context)
    scheduled = scheduled_time(event, utc_now())
    queued = event_loop.run(bootstrap.sync_dispatch().dispatch(scheduled))
    metrics.publish(bootstrap.settings(), WalletsDue=queued)
    return {"queued": queued}
