"""Fair comparison of two times on a machine that is busy with other work too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

Work = Callable[[], object]
Clock = Callable[[], float]


class Comparison(NamedTuple):
    """Median seconds of both, and the median of the ratios of neighbouring rounds."""

    ours: float
    baseline: float
    ratio: float

    @classmethod
    def of(cls, ours: Sequence[float], baseline: Sequence[float]) -> Comparison:
        """Compare rounds that ran in turn, so that a slow moment of the machine affects both sides of a pair."""
        pairs = [mine / other for mine, other in zip(ours, baseline, strict=True)]
        return cls(statistics.median(ours), statistics.median(baseline), statistics.median(pairs))


def interleaved(
    ours: Work,
    baseline: Work,
    *,
    rounds: int,
    ours_calls: int,
    baseline_calls: int,
    clock: Clock = time.perf_counter,
) -> Comparison:
    """Time both in turn for ``rounds`` rounds of this number of calls each. The seconds are per call.

    Where neither side waits for anything, ``clock`` may be :func:`time.thread_time`, which stops while other processes
    have the processor.
    """
    for work in (ours, baseline):
        for _ in range(20):
            work()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        times[0].append(_seconds(ours, ours_calls, clock))
        times[1].append(_seconds(baseline, baseline_calls, clock))
    return Comparison.of(*times)


def starts(ours: Callable[[], float], baseline: Callable[[], float], *, rounds: int) -> Comparison:
    """Compare starts of new processes in turn. Both functions return the seconds that one start took."""
    # The first start of each reads files from disk, and later starts find them in memory.
    pairs = [(ours(), baseline()) for _ in range(rounds + 1)][1:]
    return Comparison.of([mine for mine, _ in pairs], [other for _, other in pairs])


def paired(ours: Work, baseline: Work, *, calls: int, clock: Clock = time.perf_counter) -> Comparison:
    """Time single calls of both in turn, the way an execution environment receives events.

    In a loop of its own, a handler of a few lines always runs from the nearest cache and its branches are predicted.
    A large handler gets neither. The loop alone doubles a ratio, and other work of the machine moves it by half.
    """
    return interleaved(ours, baseline, rounds=calls, ours_calls=1, baseline_calls=1, clock=clock)


def _seconds(work: Work, calls: int, clock: Clock) -> float:
    started = clock()
    for _ in range(calls):
        work()
    return (clock() - started) / calls


def spoken(seconds: float) -> str:
    """Write a duration."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"
