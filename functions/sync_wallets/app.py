"""Sync the wallets of a batch of queue messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moniqo_core import bootstrap, event_loop, metrics, observability
from moniqo_core.services.sync.messages import read_batch


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Sync all wallets of the batch together. Messages whose results could not be stored are delivered again."""
    bootstrap.configure_logging()
    observability.begin(context)
    batch = read_batch(event)
    report = event_loop.run(bootstrap.balance_sync().sync_due(batch.due))
    metrics.publish(
        bootstrap.settings(),
        WalletsSynced=report.synced,
        WalletsFailed=report.failed,
        WalletsPutOff=report.postponed,
        BalancesUnexplained=report.unbalanced,
        WalletsMended=report.corrected,
        SyncDuration=report.took / timedelta(milliseconds=1),
    )
    return {"batchItemFailures": [{"itemIdentifier": name} for name in batch.failed(report.unstored)]}
