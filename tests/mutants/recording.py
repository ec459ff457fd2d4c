"""A plugin of pytest that records which lines each test runs, how long it takes, and whether it passes.

``MUTANTS_RECORD`` names the folder for the records, and ``MUTANTS_SOURCES`` the files whose lines count.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

FOLDER = Path(os.environ["MUTANTS_RECORD"])
RESULTS = "results.json"
_lines = coverage.Coverage(
    data_file=str(FOLDER / "lines"),
    data_suffix=str(os.getpid()),
    include=os.environ["MUTANTS_SOURCES"].split(os.pathsep),
    branch=False,
    config_file=False,
    messages=False,
)
_lines.set_option("run:disable_warnings", ["no-data-collected"])
_seconds: defaultdict[str, float] = defaultdict(float)
_unfit: set[str] = set()


def pytest_configure() -> None:
    """Start before the tests import anything. Each process of pytest-xdist comes here too."""
    _lines.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Name the lines of a test, its fixtures included, after the test."""
    _lines.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        _lines.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the time of a test. One that does not pass says nothing of a mutation."""
    _seconds[report.nodeid] += report.duration
    if report.outcome != "passed":
        _unfit.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was recorded. The process that pytest started with has the reports of all."""
    _lines.stop()
    _lines.save()
    if not hasattr(session.config, "workerinput"):
        fit = {test: round(seconds, 3) for test, seconds in _seconds.items() if test not in _unfit}
        (FOLDER / RESULTS).write_text(json.dumps({"fit": fit, "unfit": sorted(_unfit)}), encoding="utf-8")
