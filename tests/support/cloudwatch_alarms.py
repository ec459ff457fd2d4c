"""What CloudWatch makes of an alarm: metric math, missing data, and M out of N periods.

It follows the user guide: "Using metric math" and "Configuring how CloudWatch alarms treat missing data". Two points
are left open there or differ from what is observed, and :class:`Reading` names them. Alarms should not depend on them.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from tests.support.deployed_template import deployed

Series = Sequence[float | None]
"""One value a period, oldest first. None is a period without data."""

# "CloudWatch attempts to retrieve a higher number of data points than specified by Evaluation Periods." The guide's
# example retrieves 5 of 3.
EXTRA_PERIODS: Final = 2

_BREACHES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISON: Final[Mapping[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Reading(Enum):
    """What an operator makes of a period in which one of its two metrics has no data."""

    AS_ZERO = "the metric without data counts as 0"
    DROPPED = "the result has no data either"


def alarm(name: str, **parameters: str) -> dict[str, Any]:
    """Return the properties of an alarm of template.yaml, with ``parameters`` instead of the defaults."""
    return deployed("AWS::CloudWatch::Alarm", parameters)[name]


def rings(alarm: Mapping[str, Any], data: Mapping[str, Series], reading: Reading = Reading.DROPPED) -> bool:
    """Tell whether the alarm is in the state ALARM after the last period of ``data``.

    ``data`` has one series per metric, by the metric's id in the alarm, or by its name if it is the only one. A metric
    that it leaves out has no data at all.
    """
    periods = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", periods))
    retrieved = _watched(alarm, data, reading)[-(periods + EXTRA_PERIODS) :]
    breaches = _BREACHES[alarm["ComparisonOperator"]]
    found = [breaches(point, float(alarm["Threshold"])) for point in retrieved if point is not None]
    missing_breaches = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    filled = [missing_breaches] * (periods - len(found))
    return sum([*found[-periods:], *filled]) >= needed


def metrics(alarm: Mapping[str, Any]) -> dict[str, int]:
    """Return the periods, in seconds, of the metrics that an alarm watches."""
    if "MetricName" in alarm:
        return {alarm["MetricName"]: int(alarm["Period"])}
    return {part["Id"]: int(part["MetricStat"]["Period"]) for part in alarm["Metrics"] if "MetricStat" in part}


def _watched(alarm: Mapping[str, Any], data: Mapping[str, Series], reading: Reading) -> list[float | None]:
    """Return the series that is compared with the threshold."""
    known = metrics(alarm)
    assert set(data) <= set(known), f"unknown metrics: {set(data) - set(known)}"
    length = max(map(len, data.values()), default=int(alarm["EvaluationPeriods"]) + EXTRA_PERIODS)
    series = {name: [*([None] * (length - len(data.get(name, ())))), *data.get(name, ())] for name in known}
    if "MetricName" in alarm:
        return series[alarm["MetricName"]]
    results = [part["Expression"] for part in alarm["Metrics"] if part.get("ReturnData", True)]
    assert len(results) == 1, "an alarm watches one result"
    return [evaluate(results[0], {name: given[at] for name, given in series.items()}, reading) for at in range(length)]


def evaluate(expression: str, values: Mapping[str, float | None], reading: Reading) -> float | None:
    """Return what a metric math expression yields for the ``values`` of one period."""
    python = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", expression))
    return _value(ast.parse(python.strip(), mode="eval").body, values, reading)


def _value(node: ast.expr, values: Mapping[str, float | None], reading: Reading) -> float | None:
    def value(part: ast.expr) -> float | None:
        return _value(part, values, reading)

    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(_ARITHMETIC[type(op)], value(left), value(right), reading)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _combined(_COMPARISON[type(op)], value(left), value(right), reading)
        case ast.BoolOp(op=op, values=parts):
            combine = (lambda a, b: bool(a and b)) if isinstance(op, ast.And) else (lambda a, b: bool(a or b))
            result = value(parts[0])
            for part in parts[1:]:
                result = _combined(combine, result, value(part), reading)
            return result
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant(value=int() | float() as number)]):
            found = value(filled)
            return float(number) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            decided = value(condition)
            return None if decided is None else (value(yes) or 0.0) if decided else value(no)
        case _:
            raise AssertionError(f"not known here: {ast.dump(node)}")


def _combined(
    combine: Callable[[float, float], float], left: float | None, right: float | None, reading: Reading
) -> float | None:
    if left is None and right is None:
        return None
    if (left is None or right is None) and reading is Reading.DROPPED:
        return None
    try:
        return float(combine(left or 0.0, right or 0.0))
    except ZeroDivisionError:
        return None  # "the data point is dropped"
