"""The emulated CloudWatch alarms decide as the examples of the CloudWatch user guide say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cloudwatch_alarms import Reading, evaluate, rings

# 0 is within the threshold, X breaches it, - is missing: breaching, notBreaching, as the guide's tables have them.
THREE_OF_THREE = {
    "0-X-X": (False, False),
    "0----": (False, False),
    "-----": (True, False),
    "0XX-X": (True, True),
    "----X": (True, False),
    "X----": (True, False),
}
TWO_OF_THREE = {
    "0-X-X": (True, True),
    "00X0X": (True, True),
    "0-X--": (True, False),
    "----0": (True, False),
    "----X": (True, False),
}
POINTS = {"0": 0.0, "X": 1.0, "-": None}


def given(needed: int, missing: str) -> dict[str, Any]:
    return {
        "MetricName": "m",
        "Period": 300,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": needed,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": missing,
    }


@pytest.mark.parametrize(("needed", "table"), [(3, THREE_OF_THREE), (2, TWO_OF_THREE)])
def test_missing_data_is_treated_as_in_the_guides_tables(needed: int, table: dict[str, tuple[bool, bool]]) -> None:
    decided = {
        points: tuple(
            rings(given(needed, missing), {"m": [POINTS[point] for point in points]})
            for missing in ("breaching", "notBreaching")
        )
        for points in table
    }
    assert decided == table


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metric1 < metric2", [0, 0, 1, 0]),
        ("metric1 >= 30", [1, 0, 0, 0]),
        ("metric1 > 15 AND metric2 > 15", [1, 0, 0, 0]),
        ("metric1 + metric2", [50, 20, 20, 0]),
        ("FILL(metric2, 7)", [20, 7, 20, 7]),
        ("metric1 / metric2", [1.5, None, 0, None]),
        ("IF(metric1 >= 30, 1, 0)", [1, 0, 0, 0]),
        ("(metric1 == 20) OR (metric2 == 20)", [1, 1, 1, 0]),
    ],
)
def test_expressions_yield_what_the_guide_says(expression: str, expected: list[float | None]) -> None:
    periods = zip([30, 20, 0, 0], [20, None, 20, None], strict=True)
    found = [evaluate(expression, {"metric1": one, "metric2": two}, Reading.AS_ZERO) for one, two in periods]
    assert found == expected


def test_an_operand_without_data_can_take_the_result_with_it() -> None:
    values = {"one": 5.0, "two": None}
    assert evaluate("one + two", values, Reading.DROPPED) is None
    assert evaluate("FILL(one, 0) + FILL(two, 0)", values, Reading.DROPPED) == 5
