"""Send work to an SQS queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any, Final

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.gather_bounded import gather_bounded

MESSAGES_PER_CALL: Final = 10
CALLS_AT_ONCE: Final = 4
TRIES: Final = 4
FIRST_PAUSE: Final = 0.1

_jitter: Final = SystemRandom().random

Message = Mapping[str, object]


class WorkQueue:
    """Sends messages, ten per call and a few calls at once. Messages may arrive twice and out of sequence."""

    def __init__(
        self,
        url: str,
        client: Callable[[], Any] | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Send to ``url``. ``client`` makes the SQS client when it is first needed, ``pause`` waits some seconds."""
        self._url = url
        self._make_client = client or _sqs
        self._pause = pause
        self._client: Any = None

    async def send(self, messages: Sequence[Message]) -> None:
        """Send any number of messages. Messages that the queue refuses are sent again with growing pauses.

        Raises:
            TemporarilyUnavailableError: the queue still refuses some messages. All may be sent again later, because
                workers do not repeat work that is done.

        """
        if self._client is None:
            self._client = await asyncio.to_thread(self._make_client)
        starts = range(0, len(messages), MESSAGES_PER_CALL)
        batches = [messages[start : start + MESSAGES_PER_CALL] for start in starts]
        refused = sum(await gather_bounded(self._send_some, batches, CALLS_AT_ONCE))
        if refused:
            raise TemporarilyUnavailableError(f"The queue refused {refused} of {len(messages)} messages.")

    async def _send_some(self, messages: Sequence[Message]) -> int:
        """Send at most ten messages. Returns how many were still refused by the last try."""
        entries = [{"Id": str(number), "MessageBody": json.dumps(body)} for number, body in enumerate(messages)]
        for tried in range(TRIES):
            if tried:
                await self._pause(FIRST_PAUSE * 2**tried * _jitter())
            answer = await asyncio.to_thread(self._client.send_message_batch, QueueUrl=self._url, Entries=entries)
            refused = {refusal["Id"] for refusal in answer.get("Failed", ())}
            entries = [entry for entry in entries if entry["Id"] in refused]
            if not entries:
                return 0
        return len(entries)


def _sqs() -> Any:
    import boto3
    from botocore.config import Config

    patience = Config(connect_timeout=3, read_timeout=5, max_pool_connections=CALLS_AT_ONCE)
    return boto3.client("sqs", config=patience)
