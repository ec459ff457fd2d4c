"""The results of a run as text and as Markdown, and whether the run failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

RATIO: Final = "x"


@dataclass(frozen=True, slots=True)
class Line:
    """One measured property and its limit.

    ``measured`` and ``limit`` are in ``unit``: ``x`` is a ratio to the baseline, anything else is a count.
    ``detail`` names the parts of the ratio.
    """

    name: str
    measured: float
    limit: float | None
    unit: str = RATIO
    detail: str = ""

    @property
    def verdict(self) -> str:
        """Whether the limit holds."""
        if self.limit is None:
            return "-"
        return "yes" if self.measured <= self.limit else "NO"

    @property
    def fails(self) -> bool:
        """Whether it fails the run. Only a count over its limit does, because ratios vary with the machine."""
        return self.verdict == "NO" and self.unit != RATIO


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, with a text on how they were measured."""

    title: str
    method: str
    lines: Sequence[Line]


class Outcome(NamedTuple):
    """Whether a run failed, and a message that names the lines over their limits."""

    failed: bool
    message: str


def outcome(sections: Sequence[Section]) -> Outcome:
    """Judge a run."""
    over = [line for section in sections for line in section.lines if line.verdict == "NO"]
    counts = [line.name for line in over if line.fails]
    ratios = [line.name for line in over if not line.fails]
    messages = [f"Counts over their limit: {', '.join(counts)}."] if counts else []
    messages += [f"Ratios over their limit (they do not fail the run): {', '.join(ratios)}."] if ratios else []
    return Outcome(bool(counts), "\n".join(messages) or "Every limit holds.")


def markdown(section: Section) -> str:
    """Return a section as Markdown."""
    rows = ["| what | measured | at most | holds | detail |", "| --- | ---: | ---: | --- | --- |"]
    rows += [
        f"| {line.name} | {_value(line.measured, line.unit)} | "
        f"{'-' if line.limit is None else _value(line.limit, line.unit)} | {line.verdict} | {line.detail} |"
        for line in section.lines
    ]
    return f"## {section.title}\n\n{section.method}\n\n" + "\n".join(rows) + "\n"


def terminal(section: Section) -> str:
    """Return a section as text for the terminal."""
    width = max(len(line.name) for line in section.lines)
    rows = [
        f"  {line.name:<{width}}  {_value(line.measured, line.unit):>9}  "
        f"{'' if line.limit is None else '<= ' + _value(line.limit, line.unit):>11}  {line.verdict:<4} {line.detail}"
        for line in section.lines
    ]
    return f"{section.title}\n" + "\n".join(rows) + "\n"


def _value(number: float, unit: str) -> str:
    if unit == RATIO:
        return f"{number:.2f}x" if number < 10 else f"{number:.1f}x"
    text = f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"
    return f"{text} {unit}".strip()
