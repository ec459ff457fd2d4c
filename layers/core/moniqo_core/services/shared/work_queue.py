"""A queue of work for the workers, in SQS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import SystemRandom
from typing import Any, Final

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.services.shared.gather_bounded import gather_bounded

MESSAGES_PER_CALL: Final = 10
CALLS_AT_ONCE: Final = 4
TRIES: Final = 4
FIRST_PAUSE: Final = 0.1

_jitter: Final = SystemRandom().random

Message = Mapping[str, object]


class WorkQueue:
    """Sends messages, ten to a call and a few calls at once. Their order does not matter, nor does a message twice."""

    def __init__(
        self,
        url: str,
        client: Callable[[], Any] | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Send to ``url``; ``client`` makes the SQS client when it is first needed, ``pause`` waits so many seconds."""
        self._url = url
        self._make_client = client or _sqs
        self._pause = pause
        self._client: Any = None

    async def send(self, messages: Sequence[Message]) -> None:
        """Send any number of messages; those the queue refuses are sent again, a little later each time.

        Raises:
            TemporarilyUnavailableError: it refused some to the end. Sending all of them again later does no harm: work
                that was done is not done again.

        """
        if self._client is None:
            self._client = await asyncio.to_thread(self._make_client)
        starts = range(0, len(messages), MESSAGES_PER_CALL)
        batches = [messages[start : start + MESSAGES_PER_CALL] for start in starts]
        refused = sum(await gather_bounded(self._send_some, batches, CALLS_AT_ONCE))
        if refused:
            raise TemporarilyUnavailableError(f"The queue refused {refused} of {len(messages)} messages.")

    async def _send_some(self, messages: Sequence[Message]) -> int:
        """Send at most ten messages; returns how many were refused to the end."""
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
