"""Every alarm of template.yaml rings when it should, and only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from tests.support.cloudwatch_alarms import Reading, Series, alarm, metrics, rings
from tests.support.stack import functions, template, verb_noun

Situation = Mapping[str, Series]
NOTHING: Final[Situation] = {}
"""No metric has any data: nobody calls, and nothing runs."""


def alone(metric_ids: tuple[str, ...], series: Series) -> dict[str, Situation]:
    """Return a situation for each metric in which it is the only one with data."""
    return {f"only {name} has data": {name: series} for name in metric_ids}


WORKERS: Final = ("dispatch", "sync", "asking", "evaluation", "reconciliation")
KEYS: Final = ("rotation", "reencryption", "unreadable")
DAY: Final = 86400
LETTERS: Final = ("batches", "evaluations", "firings")

RINGS: Final[Mapping[str, Mapping[str, Situation]]] = {
    "ApiErrorsAlarm": {
        "four calls a minute, all fail": {"failed": [4] * 7, "calls": [4] * 7},
        "one call a minute, it fails": {"failed": [1] * 7, "calls": [1] * 7},
        "every second call fails": {"failed": [2] * 7, "calls": [4] * 7},
        "five of a thousand fail": {"failed": [5] * 7, "calls": [1000] * 7},
        "three minutes in which all fail": {"failed": [0, 0, 0, 0, 4, 4, 4], "calls": [4] * 7},
        "calls in three of five minutes": {"failed": [None, 4, None, 4, 4], "calls": [None, 4, None, 4, 4]},
        "the newest minute has no data yet": {"failed": [4, 4, 4, None], "calls": [4, 4, 4, None]},
        "the number of calls is missing": {"failed": [4] * 7},
    },
    "ApiLatencyAlarm": {
        "slow for a quarter of an hour": {"Latency": [6000] * 3},
        "slow, with pauses between calls": {"Latency": [None, 6000, None, 6000, 6000]},
    },
    "WorkerErrorsAlarm": {
        **alone(WORKERS, [1] * 5),
        "one worker fails beside healthy ones": {**{name: [0] * 5 for name in WORKERS}, "evaluation": [1] * 5},
        "two periods of three": {"sync": [None, None, 1, None, 1]},
    },
    "KeysAlarm": {
        **alone(KEYS, [0, 0, 0, 1]),
        "the newest hour has no data yet": {"rotation": [None, None, 1, None]},
    },
    "KeyAgeAlarm": {
        "no rotation for 93 days": {"age": [93 * DAY] * 5},
        "measured in one hour of three": {"age": [None, None, 93 * DAY, None, None]},
    },
    "SyncFailuresAlarm": {
        "every sync fails": {"failed": [3] * 3, "synced": [0] * 3},
        "the number of successes is missing": {"failed": [1] * 3},
        "more fail than succeed": {"failed": [0, 0, 60], "synced": [100, 100, 40]},
    },
    "ThrottlesAlarm": {
        "throttled all the time": {"Throttles": [1] * 7},
        "three minutes of a burst": {"Throttles": [0, 0, 0, 0, 90, 90, 90]},
    },
    "DeadLettersAlarm": {
        **alone(LETTERS, [0, 0, 0, 1]),
        "a letter beside empty queues": {"batches": [0] * 4, "evaluations": [0] * 4, "firings": [0, 0, 0, 1]},
        "the newest period has no data yet": {"firings": [None, None, 1, None]},
    },
    "QueueAgeAlarm": {"nobody works": {"ApproximateAgeOfOldestMessage": [300, 600, 901, 1200]}},
    "EvaluationAgeAlarm": {"nobody works": {"ApproximateAgeOfOldestMessage": [300, 601, 900]}},
    "SyncScheduleAlarm": {"never ran": NOTHING, "stopped": {"Invocations": [1, 1, *[None] * 7]}},
    "EvaluationScheduleAlarm": {"never ran": NOTHING, "stopped": {"Invocations": [3, 3, *[None] * 3]}},
    "ReconciliationScheduleAlarm": {"never ran": NOTHING, "stopped": {"Invocations": [3, 3, *[None] * 3]}},
    "ReencryptionScheduleAlarm": {"never ran": NOTHING, "stopped": {"Invocations": [1, 1, *[None] * 5]}},
}
QUIET: Final[Mapping[str, Mapping[str, Situation]]] = {
    "ApiErrorsAlarm": {
        "nobody calls": NOTHING,
        "every call succeeds": {"failed": [0] * 7, "calls": [100] * 7},
        "the number of failures is missing": {"calls": [100] * 7},
        "one in a hundred fails": {"failed": [1] * 7, "calls": [100] * 7},
        "two minutes of a burst": {"failed": [0, 0, 0, 50, 50, 0, 0], "calls": [100] * 7},
        "one call of a quiet day fails": {
            "failed": [None] * 4 + [1, None, None],
            "calls": [None] * 4 + [1, None, None],
        },
    },
    "ApiLatencyAlarm": {
        "nobody calls": NOTHING,
        "fast": {"Latency": [80] * 5},
        "one slow period": {"Latency": [80, 80, 80, 80, 9000]},
    },
    "WorkerErrorsAlarm": {
        "no worker is called": NOTHING,
        "healthy": {name: [0] * 5 for name in WORKERS},
        "one burst": {"sync": [0, 0, 0, 40, 0]},
    },
    "KeysAlarm": {
        "nothing rotates": NOTHING,
        "healthy": {name: [0] * 4 for name in KEYS},
        "mended hours ago": {"rotation": [1, 0, 0, 0]},
    },
    "KeyAgeAlarm": {
        "nothing measures the age": NOTHING,
        "rotated on time": {"age": [DAY] * 5},
        "rotated late on the last day": {"age": [90 * DAY, 91 * DAY, 0, 0, 0]},
    },
    "SyncFailuresAlarm": {
        "no wallet is due": NOTHING,
        "every sync succeeds": {"failed": [0] * 3, "synced": [100] * 3},
        "the number of failures is missing": {"synced": [100] * 3},
        "a few fail": {"failed": [3] * 3, "synced": [100] * 3},
        "an earlier burst": {"failed": [90, 90, 0], "synced": [0, 0, 100]},
    },
    "ThrottlesAlarm": {
        "nothing is called": NOTHING,
        "healthy": {"Throttles": [0] * 7},
        "one burst": {"Throttles": [0, 0, 0, 0, 0, 900, 0]},
    },
    "DeadLettersAlarm": {
        "the queues are inactive": NOTHING,
        "empty": {name: [0] * 4 for name in LETTERS},
        "purged": {"firings": [1, 1, 0, 0]},
    },
    "QueueAgeAlarm": {
        "the queue is inactive": NOTHING,
        "healthy": {"ApproximateAgeOfOldestMessage": [30] * 4},
        "one late batch": {"ApproximateAgeOfOldestMessage": [0, 0, 0, 1000]},
    },
    "EvaluationAgeAlarm": {
        "the queue is inactive": NOTHING,
        "healthy": {"ApproximateAgeOfOldestMessage": [30] * 4},
        "one late batch": {"ApproximateAgeOfOldestMessage": [0, 0, 0, 700]},
    },
    "SyncScheduleAlarm": {
        "runs": {"Invocations": [1, 1, None, 1, None, 1, 1]},
        "one run is missing": {"Invocations": [1, 1, None, 1, None, None, None]},
        "its runs fail": {"Invocations": [3, 3, None, 3, None, 3, 3]},
    },
    "EvaluationScheduleAlarm": {
        "runs": {"Invocations": [3] * 3},
        "the newest data are late": {"Invocations": [3, 3, None]},
    },
    "ReconciliationScheduleAlarm": {
        "runs": {"Invocations": [3] * 3},
        "the newest data are late": {"Invocations": [3, 3, None]},
    },
    "ReencryptionScheduleAlarm": {
        "runs": {"Invocations": [1] * 5},
        "two runs in one hour and none in the next": {"Invocations": [1, 2, None, 2, None]},
    },
}


def named(situations: Mapping[str, Mapping[str, Situation]]) -> list[tuple[str, str]]:
    return [(name, words) for name, of_alarm in situations.items() for words in of_alarm]


def alarms() -> set[str]:
    return {name for name, entry in template()["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_alarm_has_a_situation_in_which_it_rings_and_one_in_which_it_does_not() -> None:
    assert alarms() == set(RINGS) == set(QUIET)
    assert all(RINGS.values())
    assert all(QUIET.values())


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize(("name", "situation"), named(RINGS))
def test_alarm_rings(name: str, situation: str, reading: Reading) -> None:
    assert rings(alarm(name), RINGS[name][situation], reading)


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize(("name", "situation"), named(QUIET))
def test_alarm_stays_quiet(name: str, situation: str, reading: Reading) -> None:
    assert not rings(alarm(name), QUIET[name][situation], reading)


def test_alarms_fit_what_cloudwatch_takes() -> None:
    longest = {"SyncRateMinutes": "60", "EvaluationRateMinutes": "60"}
    for name in alarms():
        watched, properties = metrics(alarm(name)), alarm(name, **longest)
        assert len(watched) <= 10, name
        assert len(set(watched.values())) == 1, name
        assert max(watched.values()) * int(properties["EvaluationPeriods"]) <= 24 * 3600, name


def test_every_schedule_has_an_alarm() -> None:
    watched = {
        entry["Properties"]["Dimensions"][0]["Value"]["Ref"]
        for name, entry in template()["Resources"].items()
        if name.endswith("ScheduleAlarm")
    }
    scheduled = {
        name
        for name, properties in functions().items()
        if any(event["Type"] == "ScheduleV2" for event in properties.get("Events", {}).values())
    }
    assert {verb_noun(name) for name in watched} == scheduled
