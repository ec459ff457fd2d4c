"""Run each benchmark in its own process, so that it inherits no heap, cache or client from another one."""

from __future__ import annotations

import multiprocessing
import os
import sys
from importlib import import_module
from typing import Any

from benchmarks.report import Section


def measure(name: str) -> Section:
    """Run ``measure()`` of a benchmark in a new process."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.SimpleQueue()
    process = spawn.Process(target=_measure, args=(name, results))
    process.start()
    process.join()
    if results.empty():
        message = f"{name} ended with {process.exitcode}"
        raise RuntimeError(message)
    section: Section = results.get()
    return section


def _measure(name: str, results: Any) -> None:
    results.put(import_module(f"benchmarks.{name}").measure())
    sys.stderr.flush()
    os._exit(0)  # clients that are still open would print errors when the interpreter ends
