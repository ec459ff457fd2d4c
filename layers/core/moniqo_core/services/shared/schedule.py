"""The time a schedule fired for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def scheduled_time(event: Mapping[str, Any], now: datetime) -> datetime:
    """Return the time EventBridge Scheduler fired for, or ``now`` when the event does not carry one.

    A schedule whose placeholder was not filled in (``<aws.scheduler.scheduled-time>``) counts as carrying none.
    """
    try:
        return _moment(event["scheduled_time"])
    except (KeyError, TypeError, ValueError):
        return now


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    # BSON keeps milliseconds; a finer time would never equal what was stored of it.
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
