"""Let the resting orders of the wallets of a batch of queue messages meet the market."""

from __future__ import annotations

from typing import Any

from moniqo import bootstrap, event_loop
from moniqo.services.sync_messages import read_batch


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Evaluate all wallets of the batch together; messages whose work could not be stored are delivered again."""
    bootstrap.configure_logging()
    batch = read_batch(event)
    unstored = event_loop.run(bootstrap.order_evaluation().evaluate(list(batch.due)))
    return {"batchItemFailures": [{"itemIdentifier": name} for name in batch.failed(unstored)]}
