"""The embedded MongoDB, a child process that ends with `make run`."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from contextlib import suppress

from local.lifeline import follow_parent


def main() -> int:
    """Serve the port and the storage directory of the command line until SIGTERM or the parent's end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    follow_parent()
    from secantus.server import SecantusDBServer

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    port, path = int(sys.argv[1]), sys.argv[2]
    server = SecantusDBServer(host="127.0.0.1", port=port, storage_path=path, cache_size="256M")
    server.start()
    stop.wait()
    threading.Timer(0.05, _wake, [port]).start()
    server.stop()
    return 0


def _wake(port: int) -> None:
    """Connect once, so that the server's accept() returns.

    It does not notice a closed socket, and stopping takes 2 s.
    """
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


if __name__ == "__main__":
    sys.exit(main())
