"""Client processes that a test kills while they work."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any

# Clients are forked from one prepared process. A fork takes milliseconds, so a test can kill many clients.
prepared = multiprocessing.get_context("forkserver")
prepared.set_forkserver_preload(["tests.support.traders", "tests.support.live_traders"])


def follow_parent() -> None:
    """End this process when its parent ends, however it ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(environment: dict[str, str], entry: Callable[..., None], *arguments: object) -> None:
    follow_parent()
    # The prepared process has the variables of the test that used it first.
    os.environ.clear()
    os.environ.update(environment)
    entry(*arguments)


class KillableProcess:
    """A process that runs ``entry(*arguments, pipe)``. ``reports`` holds what it sends through the pipe."""

    def __init__(self, entry: Callable[..., None], *arguments: object) -> None:
        """Start it."""
        self.reports: Connection
        self.reports, theirs = prepared.Pipe(duplex=False)
        self._process = prepared.Process(target=_work, args=(dict(os.environ), entry, *arguments, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()

    def end(self) -> list[Any]:
        """Kill it if it is alive, and return its unread reports. An incomplete report is dropped."""
        self._process.kill()
        self._process.join()
        reported: list[Any] = []
        try:
            while self.reports.poll():
                reported.append(self.reports.recv())
        except (EOFError, OSError):
            pass
        self.reports.close()
        self._process.close()
        return reported
