"""The results of a run as text and as Markdown, and whether the run failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

RATIO: Final = "x"


@dataclass(frozen=True, slots=True)
class Line:
    """One measured property and its limit.

    ``measured`` and ``limit`` are in ``unit``: ``x`` is a ratio to the baseline, anything else is a count or a time.
    ``detail`` names the parts of the ratio. ``is_bar`` tells that the limit of a ratio or a time fails the run.
    """

    name: str
    measured: float
    limit: float | None
    unit: str = RATIO
    detail: str = ""
    is_bar: bool = False

    @property
    def verdict(self) -> str:
        """Whether the limit holds."""
        if self.limit is None:
            return "-"
        return "yes" if self.measured <= self.limit else "NO"

    @property
    def fails(self) -> bool:
        """Whether it fails the run, as a bar or a count over its limit does."""
        return self.verdict == "NO" and (self.is_bar or self.unit != RATIO)

    @property
    def kind(self) -> str:
        """What its limit means: a bar and a count fail the run, a ratio does not."""
        if self.limit is None:
            return "-"
        return "bar" if self.is_bar else "ratio" if self.unit == RATIO else "count"

    @property
    def value(self) -> str:
        """What was measured, as text."""
        return _value(self.measured, self.unit)

    @property
    def most(self) -> str:
        """The limit, as text."""
        return "-" if self.limit is None else _value(self.limit, self.unit)


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, with a text on how they were measured."""

    title: str
    method: str
    lines: Sequence[Line]

    @property
    def misses_a_bar(self) -> bool:
        """Whether a bar is over its limit."""
        return any(line.is_bar and line.fails for line in self.lines)

    def with_second(self, second: Section) -> Section:
        """Take the better one of two measurements for each bar that this section misses.

        Other work of the machine can only make a measurement worse. Other lines stay, so a count over its limit fails.
        """
        again = {line.name: line for line in second.lines}
        return replace(self, lines=[_better(line, again[line.name]) for line in self.lines])


def _better(first: Line, second: Line) -> Line:
    if not (first.is_bar and first.fails):
        return first
    better, other = (second, first) if second.measured < first.measured else (first, second)
    return replace(better, detail=f"{better.detail}; better of two, the other one {other.value}".lstrip("; "))


class Outcome(NamedTuple):
    """Whether a run failed, and a message that names the lines over their limits."""

    failed: bool
    message: str


def outcome(sections: Sequence[Section]) -> Outcome:
    """Judge a run."""
    over = [line for section in sections for line in section.lines if line.verdict == "NO"]
    bars = [f"{line.name} ({line.value}, at most {line.most})" for line in over if line.is_bar]
    counts = [line.name for line in over if line.fails and not line.is_bar]
    ratios = [line.name for line in over if not line.fails]
    messages = [f"Bars missed: {', '.join(bars)}."] if bars else []
    messages += [f"Counts over their limit: {', '.join(counts)}."] if counts else []
    messages += [f"Ratios over their limit (they do not fail the run): {', '.join(ratios)}."] if ratios else []
    return Outcome(bool(bars or counts), "\n".join(messages) or "Every limit holds.")


def markdown(section: Section) -> str:
    """Return a section as Markdown."""
    rows = ["| what | measured | at most | limit | holds | detail |", "| --- | ---: | ---: | --- | --- | --- |"]
    rows += [
        f"| {line.name} | {line.value} | {line.most} | {line.kind} | {line.verdict} | {line.detail} |"
        for line in section.lines
    ]
    return f"## {section.title}\n\n{section.method}\n\n" + "\n".join(rows) + "\n"


def terminal(section: Section) -> str:
    """Return a section as text for the terminal."""
    width = max(len(line.name) for line in section.lines)
    rows = [
        f"  {line.name:<{width}}  {line.value:>9}  "
        f"{'' if line.limit is None else '<= ' + line.most:>11}  {line.kind:<5}  {line.verdict:<4} {line.detail}"
        for line in section.lines
    ]
    return f"{section.title}\n" + "\n".join(rows) + "\n"


def _value(number: float, unit: str) -> str:
    if unit == RATIO:
        return f"{number:.2f}x" if number < 10 else f"{number:.1f}x"
    text = f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"
    return f"{text} {unit}".strip()
