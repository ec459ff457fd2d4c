"""An emulated AWS over HTTP, for tests about connections and for other processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer


@contextmanager
def aws_server() -> Iterator[str]:
    """Serve an empty account on loopback and yield its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    # All servers of a process show the same account.
    with urlopen(Request(f"{url}/moto-api/reset", method="POST")):
        pass
    try:
        yield url
    finally:
        server.stop()
