"""Queueing the wallets whose sync is due."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from moniqo.domain.errors import TemporarilyUnavailableError
from moniqo.services.sync_messages import WALLETS_PER_MESSAGE, write_messages
from moniqo.storage.user_wallets import UserWalletStore

MESSAGES_PER_CALL: Final = 10


class WorkQueue:
    """A queue of work for the workers, in SQS."""

    def __init__(self, url: str, client: Callable[[], Any] | None = None) -> None:
        """Send to ``url``; ``client`` makes the SQS client when it is first needed."""
        self._url = url
        self._make_client = client or _sqs
        self._client: Any = None

    async def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        """Send up to ten messages.

        Raises:
            TemporarilyUnavailableError: the queue refused some of them, also when asked twice. Sending all of them
                again later does no harm: work that was done is not done again.

        """
        entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(messages)]
        refused = await asyncio.to_thread(self._send, entries)
        if refused:
            refused = await asyncio.to_thread(self._send, [entry for entry in entries if entry["Id"] in refused])
        if refused:
            raise TemporarilyUnavailableError(f"The queue refused {len(refused)} messages.")

    def _send(self, entries: Sequence[Mapping[str, str]]) -> frozenset[str]:
        if self._client is None:
            self._client = self._make_client()
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return frozenset(refusal["Id"] for refusal in answer.get("Failed", ()))


class SyncDispatch:
    """Finds due wallets and queues them, 25 to a message."""

    def __init__(self, wallets: UserWalletStore, queue: WorkQueue) -> None:
        """Read from ``wallets`` and send to ``queue``."""
        self._wallets = wallets
        self._queue = queue

    async def dispatch(self, scheduled: datetime) -> int:
        """Queue every wallet that is due at ``scheduled`` and return how many there were."""
        count = 0
        async for ids in self._wallets.due_ids(scheduled, WALLETS_PER_MESSAGE * MESSAGES_PER_CALL):
            await self._queue.send(write_messages(scheduled, ids))
            count += len(ids)
        return count


def _sqs() -> Any:
    import boto3

    return boto3.client("sqs")
