"""Read the time for which a schedule fired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def scheduled_time(event: Mapping[str, Any], now: datetime) -> datetime:
    """Return the time for which EventBridge Scheduler fired, or ``now`` when the event has none.

    A placeholder that was not filled in (``<aws.scheduler.scheduled-time>``) counts as none.
    """
    try:
        return _moment(event["scheduled_time"])
    except (KeyError, TypeError, ValueError):
        return now


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    # BSON stores milliseconds. A finer time would never equal its stored value.
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
