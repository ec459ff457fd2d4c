"""Trials of the engine against the naive model: ``python -m tests.soak.engine --steps 1000000 --seed 1``.

Trial number n of seed s is always the same trial. A failure is printed with its seed, shrunk by leaving out steps.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from random import Random
from typing import NamedTuple

from tests.support.engine_trial import RULES, Trial

STEPS_PER_TRIAL = 200

Step = tuple[str, int]


class Script(NamedTuple):
    """A trial that can be run again: its first seed and its steps."""

    seed: int
    steps: list[Step]


class Outcome(NamedTuple):
    """The number of steps that a script ran, and the error that ended it."""

    steps: int
    error: BaseException | None


def script(seed: int, number: int, length: int = STEPS_PER_TRIAL) -> Script:
    """Trial ``number`` of a soak."""
    rng = Random(f"{seed}/{number}")
    names, weights = list(RULES), [weight for weight, _ in RULES.values()]
    return Script(rng.getrandbits(32), [(name, rng.getrandbits(32)) for name in rng.choices(names, weights, k=length)])


def run(trial: Script) -> Outcome:
    """Run a script until its end or the first difference."""
    made = Trial(trial.seed)
    for count, (rule, seed) in enumerate(trial.steps, 1):
        try:
            made.step(rule, seed)
        except Exception as error:  # noqa: BLE001  whatever the engine raises is a finding
            return Outcome(count, error)
    try:
        made.finish()
    except Exception as error:  # noqa: BLE001
        return Outcome(len(trial.steps), error)
    return Outcome(len(trial.steps), None)


def shrunk(failing: Script) -> Script:
    """Leave out every step that the failure does not need."""
    first = run(failing)
    steps = failing.steps[: first.steps]
    size = len(steps) // 2
    while size:
        for start in range(len(steps) - size, -1, -size):
            fewer = steps[:start] + steps[start + size :]
            outcome = run(Script(failing.seed, fewer))
            if _kind(outcome.error) == _kind(first.error):
                steps = fewer[: outcome.steps]
        size //= 2
    return Script(failing.seed, steps)


def _kind(error: BaseException | None) -> str:
    return "" if error is None else type(error).__name__ + re.sub(r"[\d.]+|engine.*", "", str(error))[:60]


def _one(job: tuple[int, int]) -> tuple[int, Outcome]:
    seed, number = job
    outcome = run(script(seed, number))
    return number, Outcome(outcome.steps, None if outcome.error is None else RuntimeError(repr(outcome.error)))


def soak(seed: int, steps: int, processes: int) -> Iterator[tuple[int, Outcome]]:
    """Run trials until the number of steps is reached."""
    jobs = ((seed, number) for number in range(-(-steps // STEPS_PER_TRIAL)))
    if processes == 1:
        yield from map(_one, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_one, jobs, chunksize=4)


def main() -> int:
    """Run the soak. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed when it is not given")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else Random().getrandbits(32)
    print(f"seed {seed}, {arguments.steps} steps in trials of {STEPS_PER_TRIAL}", flush=True)
    started, done, shown = time.monotonic(), 0, 0.0
    for number, outcome in soak(seed, arguments.steps, arguments.processes):
        done += outcome.steps
        if outcome.error is not None:
            return _report(seed, number, outcome)
        spent = time.monotonic() - started
        if spent - shown >= 10:
            shown = spent
            print(f"{done} steps, {spent:.0f} s", flush=True)
    print(f"{done} steps without a difference, seed {seed}, {time.monotonic() - started:.0f} s", flush=True)
    return 0


def _report(seed: int, number: int, outcome: Outcome) -> int:
    print(f"trial {number} of seed {seed} failed at step {outcome.steps}: {outcome.error}", flush=True)
    small = shrunk(script(seed, number))
    print(f"shrunk to {len(small.steps)} steps: {small}")
    print(f"where: {run(small).error!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
