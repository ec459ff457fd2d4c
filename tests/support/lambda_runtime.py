"""Running a function as Lambda does: the genuine runtime client in a separate process, with an emulated Runtime API.

The process sees only what Lambda provides: the function's folder, the layers, and what the runtime contains (the
runtime client and boto3). The packages of the test environment are hidden from it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import socketserver
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Final, Protocol, Self

ROOT: Final = Path(__file__).resolve().parents[2]
CARRIED: Final = ("awslambdaric", "boto3")


@dataclass(frozen=True)
class Outcome:
    """What the runtime client reported: ``kind`` is response, error or init/error."""

    kind: str
    body: Any


def make_runtime(folder: Path) -> Path:
    """Link the packages of Lambda's runtime and their dependencies into ``folder``."""
    waiting, linked = list(CARRIED), set[str]()
    while waiting:
        found = importlib.metadata.distribution(waiting.pop())
        if found.name in linked:
            continue
        linked.add(found.name)
        waiting += [re.split(r"[^\w.-]", need)[0] for need in found.requires or () if "extra ==" not in need]
        for name in {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            (folder / name).symlink_to(Path(str(found.locate_file(name))).resolve())
    return folder


class Process(Protocol):
    """A process that runs a function."""

    def kill(self) -> None: ...

    def wait(self) -> object: ...


Start = Callable[[Path, Mapping[str, str], Path], Process]
"""Starts the function in a folder, with these variables. Its output goes to the file."""


def cold_start(task: Path, environment: Mapping[str, str], output: Path) -> Process:
    """Start a new interpreter."""
    # -S leaves out the site-packages of the interpreter, and with them the environment of the tests.
    command = [sys.executable, "-S", "-m", "awslambdaric", "app.handler"]
    with output.open("wb") as log:
        return subprocess.Popen(command, cwd=task, env=environment, stdout=log, stderr=log)


class ExecutionEnvironment:
    """One process of one function. Use it in a ``with`` block."""

    def __init__(
        self,
        function: str,
        layers: Sequence[Path],
        runtime: Path,
        variables: Mapping[str, str],
        output: Path,
        functions: Path = ROOT / "functions",
        start: Start = cold_start,
    ) -> None:
        """Run ``functions``/``function`` on ``layers`` and ``runtime``. Its output goes to the file ``output``."""
        self._task = functions / function
        self._path = os.pathsep.join(map(str, (self._task, *(layer / "python" for layer in layers), runtime)))
        self._variables = {
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            **variables,
        }
        self._output = output
        self._server = _RuntimeApi(function)
        self._start = start
        self._process: Process | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        host, port = self._server.server_address[:2]
        fixed = {
            "AWS_LAMBDA_RUNTIME_API": f"{host!s}:{port}",
            "LAMBDA_TASK_ROOT": str(self._task),
            "PYTHONPATH": self._path,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._process = self._start(self._task, {**self._variables, **fixed}, self._output)
        return self

    def invoke(self, event: Mapping[str, Any], seconds: float = 30) -> Outcome:
        """Hand an event to the process and wait for what it reports."""
        self._server.events.put(json.dumps(event).encode())
        try:
            return self._server.outcomes.get(timeout=seconds)
        except Empty:
            raise AssertionError(f"no answer from the function: {self.log()}") from None

    def log(self) -> str:
        """Return what the process has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._server.events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _RuntimeApi(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, function: str) -> None:
        super().__init__(("127.0.0.1", 0), _Calls)
        self.function = function
        self.events: Queue[bytes | None] = Queue()
        self.outcomes: Queue[Outcome] = Queue()

    def handle_error(self, request: object, client_address: object) -> None:
        """Do not log errors, because a killed process leaves broken connections."""


class _Calls(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without this a small answer waits 40 ms for an acknowledgement that the client holds back.
    disable_nagle_algorithm = True
    server: _RuntimeApi

    def do_GET(self) -> None:
        """Answer invocation/next, when there is one."""
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{self.server.function}"
        self._send(200, event, {
            "Lambda-Runtime-Aws-Request-Id": str(uuid.uuid4()),
            "Lambda-Runtime-Deadline-Ms": "4102444800000",
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Content-Type": "application/json",
        })  # fmt: skip

    def do_POST(self) -> None:
        """Take a response or an error."""
        body = self._body()
        self._send(202, b"", {})
        place = self.path.removeprefix("/2018-06-01/runtime/")
        kind = "init/error" if place == "init/error" else place.rsplit("/", 1)[1]
        self.server.outcomes.put(Outcome(kind, json.loads(body or b"null")))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base class
        """Do not log."""
