"""Read the time for which a schedule fired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_YEARS: Final = range(1970, 9000)


def scheduled_time(event: Mapping[str, Any], now: datetime) -> datetime:
    """Return the time for which EventBridge Scheduler fired, or ``now`` when the event has none.

    A placeholder that was not filled in (``<aws.scheduler.scheduled-time>``) counts as none.
    """
    try:
        return read_moment(event["scheduled_time"])
    except (KeyError, TypeError, ValueError):
        return now


def read_moment(text: str) -> datetime:
    """Return a time in UTC, with milliseconds as MongoDB stores it.

    Raises:
        ValueError: the text is not a time, or is so near the end of the calendar that arithmetic would leave it.

    """
    moment = datetime.fromisoformat(text)
    if moment.year not in _YEARS:
        raise ValueError(text)
    # BSON stores milliseconds. A finer time would never equal its stored value.
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
