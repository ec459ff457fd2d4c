"""The embedded MongoDB, a child process that ends with `make run`."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Final

from local.lifeline import follow_parent

_AGAIN: Final = "--again"
_PAUSE_SECONDS: Final = 1.0


class _Panic(logging.Handler):
    """Notices that the storage engine gave up, for instance because the disk is full.

    It refuses every command from then on, until its process starts anew.
    """

    def __init__(self) -> None:
        super().__init__()
        self.happened = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the error of one command."""
        if record.exc_info and "WT_PANIC" in str(record.exc_info[1]):
            self.happened.set()


def main() -> int:
    """Serve the port and the storage directory of the command line until SIGTERM or the parent's end.

    When the storage engine gives up, the process replaces itself until the engine starts again. Meanwhile nothing
    answers on the port.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    follow_parent()
    from secantus.server import SecantusDBServer

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    port, path, *again = sys.argv[1:]
    panic = _Panic()
    logging.getLogger("secantus").addHandler(panic)
    try:
        server = SecantusDBServer(host="127.0.0.1", port=int(port), storage_path=path, cache_size="256M")
        server.start()
    except Exception:
        if not again:
            raise
        stop.wait(_PAUSE_SECONDS)
        return 0 if stop.is_set() else _replace(port, path)
    while not stop.wait(_PAUSE_SECONDS):
        if panic.happened.is_set():
            _replace(port, path)
    threading.Timer(0.05, _wake, [int(port)]).start()
    server.stop()
    return 0


def _replace(port: str, path: str) -> int:
    """Start this program anew in the same process, so that its parent and its lock stay."""
    os.execv(sys.executable, [sys.executable, "-m", "local.database", port, path, _AGAIN])  # noqa: S606  # nosec B606


def _wake(port: int) -> None:
    """Connect once, so that the server's accept() returns.

    It does not notice a closed socket, and stopping takes 2 s.
    """
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


if __name__ == "__main__":
    sys.exit(main())
