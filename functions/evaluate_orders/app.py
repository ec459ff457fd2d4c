"""Evaluate the resting orders of the wallets that a batch of queue messages names."""

from __future__ import annotations

from typing import Any

from moniqo_core import bootstrap, event_loop, metrics, observability
from moniqo_core.services.sync.messages import read_batch


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Evaluate all wallets of the batch together. Messages whose results could not be stored are delivered again."""
    bootstrap.configure_logging()
    observability.begin(context)
    batch = read_batch(event)
    report = event_loop.run(bootstrap.order_evaluation().evaluate(list(batch.due)))
    metrics.publish(bootstrap.settings(), WalletsEvaluated=report.evaluated, EvaluationsPutOff=report.postponed)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in batch.failed(report.unstored)]}
