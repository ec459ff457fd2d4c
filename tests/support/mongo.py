"""An embedded MongoDB for the length of a test run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from pymongo import AsyncMongoClient
from pymongo.errors import ClientBulkWriteException, OperationFailure

from moniqo_core import event_loop

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
_INTERNAL_ERROR = 1
# Its standard input is a pipe of this process, so it ends when the tests end in any way.
_PROGRAM = (
    "import sys; from local.lifeline import follow_parent; follow_parent();"
    " from secantus.cli import main; sys.exit(main())"
)


_patient_clients: dict[str, AsyncMongoClient[dict[str, Any]]] = {}


def patient_client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    """Return the client for set-ups at this server, which waits as long as the server needs."""
    if url not in _patient_clients:
        # A starved server answers the monitor late, too. The client would then send a write again. The server closes
        # connections that are idle for long, which a soak finds out when it ends.
        _patient_clients[url] = AsyncMongoClient(
            url, w="majority", connectTimeoutMS=120_000, serverSelectionTimeoutMS=120_000, maxIdleTimeMS=60_000
        )
    return _patient_clients[url]


def close_patient_client(url: str) -> None:
    """Close the client for set-ups, if there is one. Its server must still be running."""
    client = _patient_clients.pop(url, None)
    if client is not None:
        event_loop.run(client.close())


@contextmanager
def embedded_server(*options: str, host: str = LOOPBACK) -> Iterator[str]:
    """Run a server that keeps nothing and yield its URL."""
    # It keeps its oplog in memory too. In a long test run that fills the cache, and then the server fails or does not
    # answer for seconds. Nothing here reads the oplog.
    oplog = ("--oplog-max-entries", "1000")
    server, port = _launch([], "--host", host, "--port", "0", "--storage-path", ":memory:", *oplog, *options)
    url = _url(port, host)
    with server:
        try:
            yield url
        finally:
            close_patient_client(url)
            server.kill()


def migrate(url: str, **variables: str) -> None:
    """Run `moniqo-admin migrate` on the database of a deployment with these variables, as an operator does."""
    command = [sys.executable, "-m", "moniqo_core.cli", "migrate"]
    environment = {"MONGODB_URL": url, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class DurableServer:
    """A server that may be killed at any moment and started again on its data and its port.

    It writes its log to disk at every commit. Without that the embedded server keeps the acknowledged
    writes of the last 50 milliseconds or so in memory, and a kill loses them.
    """

    def __init__(self, path: Path) -> None:
        """Keep the data in ``path``."""
        self.log: list[str] = []
        """What it wrote to its standard error since the first start."""
        self._path = path
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return _url(self._port)

    def start(self) -> None:
        where = ["--host", LOOPBACK, "--port", str(self._port), "--storage-path", str(self._path), "--sync-on-commit"]
        self._process, self._port = _launch(self.log, *where)

    def kill(self) -> None:
        """Kill the server at once."""
        assert self._process is not None
        self._process.kill()
        with self._process:
            pass


def failed_inside(error: BaseException) -> bool:
    """Return whether the embedded server failed internally. As after an outage, the outcome is unknown."""
    if isinstance(error, ClientBulkWriteException):
        return error.error is not None and failed_inside(error.error)
    return isinstance(error, OperationFailure) and error.code == _INTERNAL_ERROR


def _launch(log: list[str], *options: str) -> tuple[subprocess.Popen[str], int]:
    """Start a server, and return it with its port once it listens. Its later output goes to the log."""
    server = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "--cache-size", "256M", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        port = next(line.rsplit(":", 1)[1].strip() for line in server.stderr if "listening on" in line)
    except BaseException:
        server.kill()
        raise
    threading.Thread(target=_drain, args=(server.stderr, log), daemon=True).start()
    return server, int(port)


def _drain(stream: TextIO, log: list[str]) -> None:
    with suppress(ValueError):  # it was closed meanwhile
        log.extend(stream)


def _url(port: int, host: str = LOOPBACK) -> str:
    return f"mongodb://{host}:{port}/?directConnection=true"
