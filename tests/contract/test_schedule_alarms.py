"""The alarms on schedules, minute by minute: quiet while a schedule runs, and ringing soon after it stops."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import pytest

from tests.support.cloudwatch_alarms import EXTRA_PERIODS, alarm, rings
from tests.support.stack import functions, template, verb_noun

RATES: Final = (1, 2, 5, 7, 15, 60)
# Minutes until CloudWatch has the data of an invocation.
LATE: Final = 2
BY_PARAMETER: Final = {"SyncScheduleAlarm": "SyncRateMinutes", "EvaluationScheduleAlarm": "EvaluationRateMinutes"}
FIXED: Final = {"ReconciliationScheduleAlarm": 1, "ReencryptionScheduleAlarm": 60}
CASES: Final = [
    *((name, rate, {parameter: str(rate)}) for name, parameter in BY_PARAMETER.items() for rate in RATES),
    *((name, rate, {}) for name, rate in FIXED.items()),
]


def series(runs: Sequence[float], now: int, period: int, number: int) -> list[float | None]:
    """Return the invocations of the last periods before minute ``now``, as far as their data have arrived."""
    ends = [min(now - at * period, now - LATE) for at in range(number, -1, -1)]
    until = [bisect_right(runs, end) for end in ends]
    return [float(later - earlier) if later > earlier else None for earlier, later in pairwise(until)]


def first_ring(properties: dict[str, Any], runs: Sequence[float], minutes: range) -> int | None:
    period, number = int(properties["Period"]) // 60, int(properties["EvaluationPeriods"]) + EXTRA_PERIODS
    ringing = (now for now in minutes if rings(properties, {"Invocations": series(runs, now, period, number)}))
    return next(ringing, None)


def window(name: str) -> int:
    """Return for how many minutes the schedule of an alarm may put off a run."""
    function = verb_noun(template()["Resources"][name]["Properties"]["Dimensions"][0]["Value"]["Ref"])
    schedule = functions()[function]["Events"]["Schedule"]["Properties"]
    return int(schedule["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0))


@pytest.mark.parametrize(("name", "rate", "parameters"), CASES)
def test_alarm_follows_its_schedule(name: str, rate: int, parameters: dict[str, str]) -> None:
    properties, delay, seeded = alarm(name, **parameters), 1 + window(name), random.Random(f"{name} {rate}")
    # The scheduler's precision is one minute.
    runs = sorted(at * rate + seeded.uniform(0, delay) for at in range(10 + 60 // rate))
    last = int(runs[-1])
    assert first_ring(properties, runs, range(5 * rate, last)) is None

    without_one = [run for at, run in enumerate(runs) if at != len(runs) // 2]
    assert first_ring(properties, without_one, range(5 * rate, last)) is None

    rang = first_ring(properties, runs, range(last, last + 10 * rate + 60))
    assert rang is not None
    assert 2 * rate < rang - last <= 5 * rate + 8 + LATE
