"""An embedded MongoDB for the length of a test run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Its standard input is a pipe of ours: it ends when the tests do, however they end.
_PROGRAM = (
    "import sys; from local.lifeline import follow_parent; follow_parent();"
    " from secantus.cli import main; sys.exit(main())"
)


@contextmanager
def embedded_server(*options: str) -> Iterator[str]:
    """Run a server that keeps nothing and yield its URL."""
    command = [sys.executable, "-c", _PROGRAM]
    where = ["--host", "127.0.0.1", "--port", "0", "--storage-path", ":memory:", "--cache-size", "256M"]
    with subprocess.Popen(
        [*command, *where, *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            port = next(line.rsplit(":", 1)[1].strip() for line in server.stderr if "listening on" in line)
            threading.Thread(target=server.stderr.read, daemon=True).start()
            yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
