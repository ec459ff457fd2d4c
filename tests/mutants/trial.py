"""The trial of one mutation: the tests that run its line, in a copy of the tree that has it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from os import killpg
from pathlib import Path
from signal import SIGKILL
from typing import Final

from tests.mutants.covering import Covering
from tests.mutants.mutations import Mutation
from tests.mutants.trees import environment, mutated

SECONDS: Final = 60
"""How long the tests of one mutation may take."""
_PLANNED: Final = 30
"""Seconds of tests that are chosen, by the time they took when they were recorded. It leaves time to start."""
QUICK: Final = 0.1
"""Seconds of a test of which hundreds fit into one trial."""
ENDLESS: Final = 20.0
"""Seconds after which a test counts as endless, if ten times its usual time is shorter."""
_NOT_RUN: Final = {2, 3, 4, 5}
"""Exit codes of a pytest that could not run its tests."""


class Verdict(StrEnum):
    """What became of a mutation."""

    NOTICED = "noticed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``test`` noticed the mutation. ``ran`` of the ``covering`` tests were chosen."""

    verdict: Verdict
    test: str
    ran: int
    covering: int


@dataclass(frozen=True, slots=True)
class _Run:
    code: int | None
    """The exit code, and None when time ran out."""
    noticed: str


class Trials:
    """Trials in one copy of the tree, one at a time.

    ``sound`` holds the tests that were seen to pass alone without a mutation.
    """

    def __init__(self, tree: Path, covering: Covering, seed: int) -> None:
        self._tree = tree
        self._covering = covering
        self._environment = environment(tree, seed)
        self._seed = seed
        self._sound: set[str] = set()

    def judge(self, mutation: Mutation) -> Outcome:
        """Run the tests of a mutation until one fails.

        A test that fails without the mutation as well has not noticed anything. It is left out, and the rest runs.
        """
        covering = self._covering.tests(mutation)
        chosen = chosen_tests(covering, self._covering.seconds, self._covering.near(mutation))
        ran = len(chosen)
        while chosen:
            with mutated(self._tree, mutation.path, mutation.mutant):
                run = self._run(chosen)
            if run.code is None:
                return Outcome(Verdict.TIMED_OUT, run.noticed, ran, len(covering))
            if run.code == 0:
                break
            suspects = [run.noticed] if run.noticed in chosen else chosen
            if self._pass(suspects, collect_only=run.code in _NOT_RUN):
                return Outcome(Verdict.NOTICED, run.noticed or "the tests could not start", ran, len(covering))
            chosen = [test for test in chosen if test not in suspects]
        return Outcome(Verdict.SURVIVED, "", ran, len(covering))

    def _pass(self, tests: list[str], *, collect_only: bool) -> bool:
        """Whether tests pass, or can at least be collected, without a mutation."""
        if not collect_only and self._sound.issuperset(tests):
            return True
        passed = self._run(tests, "--collect-only" if collect_only else "-x").code == 0
        if passed and not collect_only:
            self._sound.update(tests)
        return passed

    def _run(self, tests: Sequence[str], option: str = "-x") -> _Run:
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            names, limits, noticed = (Path(folder, name) for name in ("names", "limits", "noticed"))
            names.write_text("\n".join(tests), encoding="utf-8")
            usual = self._covering.seconds
            limits.write_text(json.dumps({test: max(ENDLESS, 10 * usual[test]) for test in tests}), encoding="utf-8")
            process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", option, "-p", "no:cacheprovider", "-p", "tests.mutants.watch",
                 f"--hypothesis-seed={self._seed}", f"@{names}"],
                cwd=self._tree,
                env=self._environment | {"MUTANTS_NOTICED": str(noticed), "MUTANTS_LIMITS": str(limits)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            code: int | None = None
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(SECONDS)
            # What the tests started ends with them.
            with suppress(ProcessLookupError):
                killpg(process.pid, SIGKILL)
            process.wait()
            return _Run(code, noticed.read_text(encoding="utf-8") if noticed.exists() else "")


def chosen_tests(covering: Iterable[str], seconds: dict[str, float], near: Collection[str] = ()) -> list[str]:
    """Return tests that fit into the time of a trial, in turn from each file.

    Tests of the files in ``near`` come before all others, and quick ones before slow ones.
    """
    by_file: defaultdict[str, list[str]] = defaultdict(list)
    for test in sorted(covering, key=lambda test: (seconds[test], test)):
        by_file[test.partition("::")[0]].append(test)
    turns = [
        (file not in near, seconds[test] > QUICK, turn, seconds[test], test)
        for file, tests in by_file.items()
        for turn, test in enumerate(tests)
    ]
    chosen, planned = [], 0.0
    for *_, took, test in sorted(turns):
        if planned + took <= _PLANNED:
            chosen.append(test)
            planned += took
    return sorted(chosen, key=lambda test: (test.partition("::")[0] not in near, seconds[test], test))
