"""Sending work to SQS: batches of ten, bounded concurrency, and retries of refused messages."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from typing import Any

import pytest

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.services.shared.work_queue import CALLS_AT_ONCE, TRIES, Message, WorkQueue


class Sqs:
    """Answers as SQS does. ``refuse`` is how often each message is refused before it is accepted."""

    def __init__(self, refuse: dict[int, int] | None = None) -> None:
        self.left = Counter(refuse or {})
        self.calls: list[int] = []
        self.taken: list[int] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self.meeting: threading.Barrier | None = None

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.calls.append(len(Entries))
        if self.meeting is not None:
            self.meeting.wait(5)
        with self._lock:
            self._now -= 1
            failed = []
            for entry in Entries:
                number = json.loads(entry["MessageBody"])["n"]
                if self.left[number]:
                    self.left[number] -= 1
                    failed.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
                else:
                    self.taken.append(number)
        return {"Successful": [], "Failed": failed}


def send(sqs: Sqs, count: int) -> list[float]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    messages: list[Message] = [{"n": number} for number in range(count)]
    asyncio.run(WorkQueue("https://queue", lambda: sqs, pause).send(messages))
    return pauses


def test_messages_are_sent_in_batches_of_ten_with_bounded_concurrency() -> None:
    sqs = Sqs()
    sqs.meeting = threading.Barrier(CALLS_AT_ONCE)

    assert send(sqs, CALLS_AT_ONCE * 20) == []

    assert set(sqs.calls) == {10}
    assert sqs.most == CALLS_AT_ONCE
    assert sorted(sqs.taken) == list(range(CALLS_AT_ONCE * 20))


def test_empty_send_makes_no_call() -> None:
    sqs = Sqs()
    assert send(sqs, 0) == []
    assert sqs.calls == []


def test_refused_messages_are_sent_again_after_growing_pauses() -> None:
    sqs = Sqs({3: 1, 7: 2, 12: 1})

    pauses = send(sqs, 25)

    assert sorted(sqs.taken) == list(range(25))
    assert sorted(sqs.calls) == [1, 1, 2, 5, 10, 10]
    assert len(pauses) == 3
    assert all(0 <= pause <= 0.4 for pause in pauses)


def test_finally_refused_messages_raise_an_error_after_the_rest_is_sent() -> None:
    sqs = Sqs({3: TRIES, 14: 1})

    with pytest.raises(TemporarilyUnavailableError, match="refused 1 of 25"):
        send(sqs, 25)

    assert sorted(sqs.taken) == [number for number in range(25) if number != 3]
