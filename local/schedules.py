"""Fires the template's schedules. Like EventBridge Scheduler, a rate fires once at the start and then at its pace."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from local import events
from local.declarations import Schedule
from local.pool import FunctionError, Pool


async def fire(schedule: Schedule, pool: Pool, log: Callable[[str], None]) -> None:
    """Fire one schedule until cancelled; a failed firing is logged and the next one comes all the same."""
    due = datetime.now(UTC)
    while True:
        event = events.schedule_event(schedule.input, due)
        try:
            await pool.invoke(schedule.function, event, str(uuid.uuid4()))
        except FunctionError as error:
            log(f"schedule {schedule.name} failed: {error} (see functions.log)")
        due += timedelta(seconds=schedule.period)
        late = max(due, datetime.now(UTC))
        await asyncio.sleep((late - datetime.now(UTC)).total_seconds())
        due = late
