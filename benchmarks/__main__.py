"""``python -m benchmarks [NAME ...]``: run all benchmarks, or those named, and print what they found.

A full run also writes docs/benchmarks.md. Each benchmark runs in a process of its own, one after the other.
"""

from __future__ import annotations

import multiprocessing
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import isolation
from benchmarks.report import Section, markdown, terminal

NAMES: Final = (
    "cold_start",
    "venue_cold_start",
    "warm_calls",
    "http_shares",
    "round_trips",
    "decisions",
    "credentials",
    "evaluation",
    "demo_orders",
    "contention",
    "sync",
)
PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
INTRODUCTION: Final = """# Benchmarks

Written by `make bench`; do not edit. Every line is a ratio to a baseline measured in the same run, or a count: absolute
times say more about the machine than about the code, and no test asserts one. Times are medians. Ours and the baseline
run in turn, and a ratio is the median over neighbouring pairs, so that other work of the machine hits both.

{date}, {machine}, Python {python}, the database is the embedded emulation of MongoDB.

"""


def main(names: Sequence[str]) -> int:
    """Run and report; 1 when a limit does not hold."""
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    sections: dict[str, Section] = {}
    for name in names or NAMES:
        sections[name] = isolation.measure(name)
        print(terminal(sections[name]), flush=True)
    if not names:
        PAGE.write_text(_page(sections), encoding="utf-8")
    broken = [line.name for section in sections.values() for line in section.lines if line.verdict == "NO"]
    print(f"Over the limit: {', '.join(broken)}" if broken else "Every limit holds.")
    return 1 if broken else 0


def _page(sections: Mapping[str, Section]) -> str:
    machine = f"{multiprocessing.cpu_count()} cores ({platform.machine()}, {platform.system()})"
    date = datetime.now(UTC).strftime("%d %B %Y").lstrip("0")
    head = INTRODUCTION.format(date=date, machine=machine, python=platform.python_version())
    return head + "\n".join(markdown(section) for section in sections.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
