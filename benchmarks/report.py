"""The table of a run: printed, and kept in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One measured property and what it is held to.

    ``measured`` and ``limit`` are in ``unit``: ``x`` is a ratio to the baseline, anything else is counted.
    ``detail`` says what the ratio was made of.
    """

    name: str
    measured: float
    limit: float | None
    unit: str = "x"
    detail: str = ""

    @property
    def verdict(self) -> str:
        """Whether the limit holds."""
        if self.limit is None:
            return "-"
        return "yes" if self.measured <= self.limit else "NO"


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together, with a sentence on how they were measured."""

    title: str
    method: str
    lines: Sequence[Line]


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
    """Return a section for people who watch."""
    width = max(len(line.name) for line in section.lines)
    rows = [
        f"  {line.name:<{width}}  {_value(line.measured, line.unit):>9}  "
        f"{'' if line.limit is None else '<= ' + _value(line.limit, line.unit):>11}  {line.verdict:<4} {line.detail}"
        for line in section.lines
    ]
    return f"{section.title}\n" + "\n".join(rows) + "\n"


def _value(number: float, unit: str) -> str:
    if unit == "x":
        return f"{number:.2f}x" if number < 10 else f"{number:.1f}x"
    text = f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"
    return f"{text} {unit}".strip()
