"""Sync the wallets of a batch of queue messages."""

from __future__ import annotations

from typing import Any

from moniqo import bootstrap, event_loop
from moniqo.services.sync_messages import read_batch


def handler(event: dict[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Sync all wallets of the batch together; messages whose work could not be stored are delivered again."""
    bootstrap.configure_logging()
    batch = read_batch(event)
    unstored = event_loop.run(bootstrap.balance_sync().sync_due(batch.due))
    return {"batchItemFailures": [{"itemIdentifier": name} for name in batch.failed(unstored)]}
