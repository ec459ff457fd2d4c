"""What a run says in the end: counts, and each survivor with its place and both texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.mutants.mutations import Mutation
from tests.mutants.trial import Outcome, Verdict

NOTICED: Final = 0.92
"""The least share of the mutations with an effect that tests must notice."""
WITHOUT_EFFECT: Final = 0.12
"""The greatest share of all mutations that may be judged to be without effect."""


@dataclass(frozen=True, slots=True)
class Result:
    """A mutation, its outcome, and why it is without effect if it was judged so."""

    mutation: Mutation
    outcome: Outcome
    reason: str | None


class Report:
    """The results of a run."""

    def __init__(self, seed: int, results: Sequence[Result]) -> None:
        self.seed = seed
        self.results = results

    def of(self, verdict: Verdict) -> list[Result]:
        """Return the results with a verdict, without those that were judged to be without effect."""
        return [result for result in self.results if result.outcome.verdict is verdict and result.reason is None]

    @property
    def wrongly_judged(self) -> list[Result]:
        """Mutations that were judged to be without effect although a test notices them."""
        return [found for found in self.results if found.reason and found.outcome.verdict is Verdict.NOTICED]

    @property
    def without_effect(self) -> list[Result]:
        """Mutations that were judged to be without effect, and that no test notices."""
        return [found for found in self.results if found.reason and found.outcome.verdict is not Verdict.NOTICED]

    @property
    def share(self) -> float:
        """The share of the mutations with an effect that tests noticed."""
        tried = len(self.results) - len(self.without_effect)
        return (len(self.of(Verdict.NOTICED)) + len(self.wrongly_judged)) / tried if tried else 1.0

    @property
    def failed(self) -> bool:
        """Whether too many slipped, too many were judged, or one was judged wrongly."""
        too_many = len(self.without_effect) > WITHOUT_EFFECT * len(self.results)
        return self.share < NOTICED or too_many or bool(self.wrongly_judged)

    @property
    def summary(self) -> str:
        """The counts in one sentence."""
        return (
            f"Of {len(self.results)} mutations (seed {self.seed}), {len(self.of(Verdict.NOTICED))} were noticed, "
            f"{len(self.of(Verdict.SURVIVED))} survived, {len(self.of(Verdict.TIMED_OUT))} timed out and "
            f"{len(self.without_effect)} are without effect: {self.share:.1%} noticed of those with an effect, "
            f"at least {NOTICED:.0%} wanted."
        )

    def text(self) -> str:
        """Return the report as Markdown."""
        parts = ["# Mutations", "", self.summary, ""]
        for title, results in (
            ("Survived", self.of(Verdict.SURVIVED)),
            ("Timed out", self.of(Verdict.TIMED_OUT)),
            ("Judged to be without effect, but noticed: remove the entry", self.wrongly_judged),
            ("Without effect", self.without_effect),
        ):
            if results:
                parts += [f"## {title}", "", *(line for result in results for line in _entry(result))]
        parts += ["## Noticed", ""]
        parts += [f"- {_where(found.mutation)}: `{found.outcome.test}`" for found in self.of(Verdict.NOTICED)]
        return "\n".join(parts) + "\n"


def _where(mutation: Mutation) -> str:
    return f"`{mutation.path}:{mutation.line}` {mutation.place} ({mutation.kind})"


def _entry(result: Result) -> list[str]:
    outcome = result.outcome
    return [
        f"- {_where(result.mutation)}, {outcome.ran} of {outcome.covering} covering tests were run",
        f"  - before: `{result.mutation.before}`",
        f"  - after: `{result.mutation.after}`",
        *([f"  - reason: {result.reason}"] if result.reason else []),
        *([f"  - noticed by: `{outcome.test}`"] if result.reason and outcome.test else []),
    ]
