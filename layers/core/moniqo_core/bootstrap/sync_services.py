"""The factories of the services in :mod:`moniqo_core.services.sync`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.bootstrap.stores import due_wallets, user_wallet_store
from moniqo_core.bootstrap.user_quotas import per_minute

if TYPE_CHECKING:
    from moniqo_core.services.sync.balance_sync import BalanceSync
    from moniqo_core.services.sync.queue_due_wallets import SyncDispatch


@cache
def balance_sync() -> BalanceSync:
    """Return the service that syncs balance snapshots."""
    from moniqo_core.services.sync.balance_sync import BalanceSync
    from moniqo_core.storage.live.sync_findings import SyncFindings
    from moniqo_core.storage.wallets.sync_log import SyncLogStore

    limit = per_minute("syncs", bootstrap.settings().syncs_per_minute)
    return BalanceSync(
        user_wallet_store(),
        due_wallets(),
        SyncLogStore(bootstrap.database()),
        SyncFindings(bootstrap.database()),
        bootstrap.wallets(),
        limit,
        bootstrap.buy_cancellation,
    )


@cache
def sync_dispatch() -> SyncDispatch:
    """Return the service that queues the wallets whose sync is due."""
    from moniqo_core.services.shared.work_queue import WorkQueue
    from moniqo_core.services.sync.queue_due_wallets import SyncDispatch

    return SyncDispatch(due_wallets(), WorkQueue(bootstrap.settings().need("sync_queue_url")))
