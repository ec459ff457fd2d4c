"""Fires the template's schedules. As in EventBridge Scheduler, a rate fires at the start and then once per period."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from local import events
from local.declarations import Schedule
from local.pool import FunctionError, Pool


async def fire(schedule: Schedule, pool: Pool, log: Callable[[str], None]) -> None:
    """Fire one schedule until cancelled. A failure is logged and does not stop the schedule."""
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
