"""A plugin of pytest that says which test noticed a mutation, and ends a test that a mutation made endless.

``MUTANTS_NOTICED`` names the file for the test's name, and ``MUTANTS_LIMITS`` a JSON file of seconds by test.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ENDLESS = 70
"""The exit code of a run whose test did not end."""
_NOTICED = Path(os.environ["MUTANTS_NOTICED"])
_LIMITS = json.loads(Path(os.environ["MUTANTS_LIMITS"]).read_text(encoding="utf-8"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leave the process when the test takes longer than its limit."""

    def leave(_signal: int, _frame: object) -> None:
        _NOTICED.write_text(item.nodeid, encoding="utf-8")
        os._exit(ENDLESS)

    signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, _LIMITS.get(item.nodeid, 0))
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the test that failed, in its set-up or its end too."""
    if report.failed:
        _NOTICED.write_text(report.nodeid, encoding="utf-8")
