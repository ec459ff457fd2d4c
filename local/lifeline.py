"""Ends a child process of `make run` when its parent ends in any way, because that closes its standard input."""

from __future__ import annotations

import os
import signal
import threading
import time

_GRACE_SECONDS = 5.0


def follow_parent(stop: int | None = signal.SIGTERM) -> None:
    """Watch standard input from a thread.

    When it closes, send this process the signal ``stop``, and exit soon after.
    """

    def watch() -> None:
        while os.read(0, 4096):
            continue
        if stop is not None:
            os.kill(os.getpid(), stop)
            time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()
