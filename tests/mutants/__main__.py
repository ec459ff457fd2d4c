"""Put small faults into the code about money and secrets: ``python -m tests.mutants --count 40 --seed 1``.

A seed chooses the mutations. Each is written into a copy of the tree, where the tests that run its line get 60 seconds.
Two copies work at once. The exit code is 1 when tests noticed too few of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from random import Random, SystemRandom
from typing import Final

from tests.mutants.covering import covering
from tests.mutants.judged import judged
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.report import Report, Result
from tests.mutants.trees import ROOT, copy_tree, targets
from tests.mutants.trial import Trials, Verdict

REPORT: Final = ROOT / ".build" / "mutants.md"
AT_ONCE: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Try mutations and report them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=150, help="mutations to try")
    parser.add_argument("--seed", type=int, help="repeats the choice of a run that printed it")
    parser.add_argument("--only", default="", help="a part of the paths of the files to try")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(10**8) if options.seed is None else options.seed
    every = [made for path in targets() for made in mutations(path, (ROOT / path).read_text(encoding="utf-8"))]
    for entry in judged().unknown(every):
        print(f"tests/mutants/without_effect.toml: no mutation is like {entry}. Remove the entry.")
    chosen = sample([found for found in every if options.only in found.path], options.count, seed)
    print(f"Trying {len(chosen)} of {len(every)} mutations. SEED={seed} repeats them.", flush=True)
    report = Report(seed, try_out(chosen, seed))
    REPORT.write_text(report.text(), encoding="utf-8")
    print(f"{report.summary} Each is in {REPORT.relative_to(ROOT)}.")
    return 1 if report.failed else 0


def sample(every: Sequence[Mutation], count: int, seed: int) -> list[Mutation]:
    """Choose by ``seed``. The same code and seed give the same mutations."""
    return Random(seed).sample(every, min(count, len(every)))


def try_out(chosen: Sequence[Mutation], seed: int) -> list[Result]:
    """Try mutations in copies of the tree."""
    tests, without_effect = covering(), judged()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        free: SimpleQueue[Trials] = SimpleQueue()
        for number in range(AT_ONCE):
            free.put(Trials(copy_tree(Path(folder, str(number))), tests, seed))

        def attempt(mutation: Mutation) -> Result:
            trials = free.get()
            try:
                outcome = trials.judge(mutation)
            finally:
                free.put(trials)
            if outcome.verdict is not Verdict.NOTICED:
                print(f"{outcome.verdict}: {mutation.path}:{mutation.line} {mutation.after}", flush=True)
            return Result(mutation, outcome, without_effect.reason(mutation))

        return list(pool.map(attempt, chosen))


if __name__ == "__main__":
    sys.exit(main())
