"""Starting and stopping `python -m local` as a developer does."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class LocalRun:
    """A running stack: its process, its address and the users it printed."""

    def __init__(self, process: subprocess.Popen[str], state_dir: Path, port: int) -> None:
        self.process = process
        self.state_dir = state_dir
        self.port = port
        self.output = self._read_until("Ctrl-C")
        self.description = json.loads((state_dir / "stack.json").read_text())

    def _read_until(self, mark: str) -> str:
        assert self.process.stdout is not None
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        text = ""
        for line in self.process.stdout:
            text += line
            if mark in line:
                patience.cancel()
                return text
        patience.cancel()
        raise AssertionError(f"the stack did not start: {text}{self.process.communicate()[1]}")

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request. A ``body`` of bytes is sent as it is, any other as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            return exchange(connection, method, path, body, token, headers)
        finally:
            connection.close()

    def login(self, group: str | None = None) -> str:
        """Return an access token of the first user with (or without) a group."""
        wanted = [group] if group else []
        user = next(user for user in self.description["users"] if user["groups"] == wanted)
        reply = self.call("POST", "/api/v1/auth/login", {"email": user["email"], "password": user["password"]})
        assert reply.status == 200, reply.body
        return str(reply.json["access_token"])

    def children(self) -> list[int]:
        """Return the process ids of the run's children."""
        return [
            int(child)
            for child in subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=True
            ).stdout.split()
        ]

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: object = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on an open connection."""
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if body is not None and not isinstance(body, bytes):
        sent["Content-Type"], body = "application/json", json.dumps(body).encode()
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str, **variables: str) -> tuple[list[str], dict[str, str]]:
    """Return how `python -m local` is started, and with which environment."""
    # The last one lets `make coverage` follow.
    wanted = ("PATH", "HOME", "PYTHONPATH", "LANG", "COVERAGE_PROCESS_CONFIG")
    inherited = {name: os.environ[name] for name in wanted if name in os.environ}
    return [sys.executable, "-m", "local", *arguments], {**inherited, **variables}


@contextmanager
def local_run(state_dir: Path, *arguments: str, port: int | None = None, **variables: str) -> Iterator[LocalRun]:
    """Run the stack. It is stopped at the end if the test has not done so."""
    port = port or free_port()
    line, environment = command(*arguments, PORT=str(port), STATE_DIR=str(state_dir), **variables)
    with subprocess.Popen(
        line, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        run = LocalRun(process, state_dir, port)
        try:
            yield run
        finally:
            if process.poll() is None:
                run.stop()


def refused(*arguments: str, **variables: str) -> tuple[int, str]:
    """Start the stack in a way that must fail. Return its exit code and output."""
    line, environment = command(*arguments, **variables)
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def gone(process_ids: list[int], seconds: float = 10) -> bool:
    """Wait until none of the processes is left."""
    deadline = time.monotonic() + seconds
    while any(Path(f"/proc/{number}").exists() for number in process_ids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_free(port: int) -> bool:
    """Say whether nothing listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
