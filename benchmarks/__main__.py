"""``python -m benchmarks [NAME ...]``: run all benchmarks, or those named, and report what they measured.

Each benchmark runs in a process of its own, one after the other. docs/reference/benchmarks.md explains the method.
"""

from __future__ import annotations

import multiprocessing
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import isolation
from benchmarks.report import Section, markdown, outcome, terminal

NAMES: Final = (
    "cold_start",
    "venue_cold_start",
    "restored_start",
    "warm_calls",
    "http_shares",
    "round_trips",
    "decisions",
    "candles",
    "credentials",
    "evaluation",
    "demo_orders",
    "contention",
    "forks",
    "sync",
    "performance_reads",
    "growth",
)
REPORT: Final = Path(__file__).resolve().parents[1] / ".build" / "benchmarks.md"
HEAD: Final = """# Report of the benchmarks

{date}, {machine}, Python {python}. The database is the embedded emulation of MongoDB.

"""


def main(names: Sequence[str], report: Path = REPORT) -> int:
    """Run, print and write the report. Return 1 for a bar or a count over its limit, and 2 for an unknown name."""
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    sections = []
    for name in names or NAMES:
        section = isolation.measure(name)
        if section.misses_a_bar:
            print(f"{name} misses a bar, and is measured once more ...", flush=True)
            section = section.with_second(isolation.measure(name))
        sections.append(section)
        print(terminal(sections[-1]), flush=True)
    report.parent.mkdir(exist_ok=True)
    report.write_text(_page(sections), encoding="utf-8")
    found = outcome(sections)
    print(f"{found.message}\nThe report is in {report}.")
    return 1 if found.failed else 0


def _page(sections: Sequence[Section]) -> str:
    machine = f"{multiprocessing.cpu_count()} cores ({platform.machine()}, {platform.system()})"
    date = datetime.now(UTC).strftime("%d %B %Y").lstrip("0")
    head = HEAD.format(date=date, machine=machine, python=platform.python_version())
    return head + "\n".join(markdown(section) for section in sections)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
