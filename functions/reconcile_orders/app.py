"""Query the outcome of orders at venues. The schedule calls this every minute."""

from __future__ import annotations

from typing import Any

from moniqo_core import bootstrap, event_loop, metrics, observability


def handler(_event: dict[str, Any], context: object) -> dict[str, int]:
    """Reconcile the due orders. Return how many were queried, had ended and were postponed."""
    bootstrap.configure_logging()
    observability.begin(context)
    done = event_loop.run(bootstrap.order_reconciliation().reconcile())
    metrics.publish(bootstrap.settings(), OrdersLookedAt=done.queried, OrdersPutOff=done.postponed)
    return done._asdict()
