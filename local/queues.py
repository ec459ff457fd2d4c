"""Runs the template's SQS event source mappings: receives messages, invokes functions, deletes processed messages.

A failed message stays in its queue. It is received again after the visibility time-out, and moves to the dead-letter
queue after the number of receives in the redrive policy.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local import events, names
from local.declarations import QueueMapping
from local.pool import FunctionError, Pool

_LONGEST_POLL_SECONDS: Final = 2
_LARGEST_RECEIVE: Final = 10


def client(aws_url: str) -> Any:
    """Return an SQS client for the local endpoint. boto3 is imported here because its import is slow."""
    import boto3
    from botocore.config import Config

    return boto3.client("sqs", endpoint_url=aws_url, config=Config(retries={"total_max_attempts": 1}, proxies={}))


async def feed(mapping: QueueMapping, aws_url: str, pool: Pool, log: Callable[[str], None]) -> None:
    """Run one mapping until cancelled. If the queue cannot be reached, try again a little later."""
    sqs = await asyncio.to_thread(client, aws_url)
    while True:
        try:
            await Poller(mapping, sqs, aws_url, pool, log).run()
        except* Exception as errors:  # noqa: BLE001  after any error the mapping must go on
            log(f"queue {mapping.name}: {errors.exceptions[0]}")
        await asyncio.sleep(1)


class Poller:
    """One event source mapping."""

    def __init__(self, mapping: QueueMapping, sqs: Any, aws_url: str, pool: Pool, log: Callable[[str], None]) -> None:
        """Invoke the function of ``mapping`` with messages from its queue at ``aws_url``."""
        self._mapping = mapping
        self._sqs = sqs
        self._url = f"{aws_url}/{names.ACCOUNT}/{names.physical_name(mapping.queue)}"
        self._arn = names.arn("AWS::SQS::Queue", mapping.queue)
        self._pool = pool
        self._log = log

    async def run(self) -> None:
        """Poll until cancelled, with at most as many concurrent invocations as the mapping allows."""
        slots = asyncio.Semaphore(self._mapping.concurrency)
        async with asyncio.TaskGroup() as running:
            while True:
                await slots.acquire()
                messages = await self._receive_batch()
                if messages:
                    running.create_task(self._process(messages)).add_done_callback(lambda _: slots.release())
                else:
                    slots.release()

    async def _receive_batch(self) -> list[Mapping[str, Any]]:
        messages = await self._receive(self._mapping.batch_size, _LONGEST_POLL_SECONDS)
        deadline = time.monotonic() + self._mapping.window
        while messages and len(messages) < self._mapping.batch_size and time.monotonic() < deadline:
            messages += await self._receive(self._mapping.batch_size - len(messages), 1)
        return messages

    async def _receive(self, count: int, wait: int) -> list[Mapping[str, Any]]:
        answer = await asyncio.to_thread(
            self._sqs.receive_message,
            QueueUrl=self._url,
            MaxNumberOfMessages=min(count, _LARGEST_RECEIVE),
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))

    async def _process(self, messages: Sequence[Mapping[str, Any]]) -> None:
        try:
            event = events.sqs_event(messages, self._arn)
            result = await self._pool.invoke(self._mapping.function, event, str(uuid.uuid4()))
        except FunctionError as error:
            self._log(f"queue {self._mapping.name} failed: {error} (see functions.log)")
            return
        failed = (
            failed_items(result, {message["MessageId"] for message in messages}) if self._mapping.partial else set()
        )
        if failed:
            self._log(f"queue {self._mapping.name}: {len(failed)} of {len(messages)} messages failed")
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _LARGEST_RECEIVE):
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(done[start : start + _LARGEST_RECEIVE])
            ]
            await asyncio.to_thread(self._sqs.delete_message_batch, QueueUrl=self._url, Entries=entries)


def failed_items(result: object, sent: set[str]) -> set[str]:
    """Return the ids of the messages that a function reported as failed.

    If the report is invalid, all of them failed.
    """
    if not result:
        return set()
    if not isinstance(result, dict):
        return sent
    failures = result.get("batchItemFailures")
    if not failures:
        return set()
    try:
        failed = {item["itemIdentifier"] for item in failures}
    except (TypeError, KeyError):
        return sent
    return failed if sent.issuperset(failed) else sent
