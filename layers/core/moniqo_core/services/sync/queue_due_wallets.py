"""Queue the wallets whose sync is due."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Final

from moniqo_core.services.shared.work_queue import CALLS_AT_ONCE, MESSAGES_PER_CALL, Message, WorkQueue
from moniqo_core.services.sync.messages import WALLETS_PER_MESSAGE, write_message
from moniqo_core.storage.wallets.due_wallets import DueWallets

WALLETS_AT_ONCE: Final = WALLETS_PER_MESSAGE * MESSAGES_PER_CALL * CALLS_AT_ONCE


class SyncDispatch:
    """Finds due wallets and queues them, up to 25 of one venue per message.

    The dispatcher marks nothing, because a wallet stays due until a worker has synced it. If it dies halfway, its next
    run queues the rest. If it runs twice, workers still sync each wallet once.
    """

    def __init__(self, wallets: DueWallets, queue: WorkQueue) -> None:
        """Read from ``wallets`` and send to ``queue``."""
        self._wallets = wallets
        self._queue = queue

    async def dispatch(self, scheduled: datetime) -> int:
        """Queue every wallet that is due at ``scheduled`` and return their number."""
        count = 0
        waiting: dict[str, list[str]] = defaultdict(list)
        async for batch in self._wallets.due(scheduled, WALLETS_AT_ONCE):
            count += len(batch)
            full: list[Message] = []
            for wallet in batch:
                same = waiting[wallet.venue]
                same.append(wallet.id)
                if len(same) == WALLETS_PER_MESSAGE:
                    full.append(write_message(scheduled, waiting.pop(wallet.venue)))
            await self._queue.send(full)
        await self._queue.send([write_message(scheduled, same) for same in waiting.values()])
        return count
