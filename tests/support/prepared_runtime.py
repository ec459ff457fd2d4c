"""Starting functions from a process that has imported their packages already.

Most of a cold start is the import of packages that every function needs. Here one process imports them from the layer,
and is forked for each function. The fork has the path, the variables and the folder of a cold start, and imports the
rest, all of :mod:`moniqo_core` included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.support.lambda_runtime import Process

PROGRAM: Final = Path(__file__).with_name("forking_runtime.py")


class PreparedRuntime:
    """A process that imported ``modules`` from ``places`` alone. Use it in a ``with`` block."""

    def __init__(self, places: Sequence[Path], modules: Sequence[str], output: Path) -> None:
        """Prepare a process. What Python reports of its imports goes to the file ``output``."""
        self._places = os.pathsep.join(map(str, places))
        self._modules = modules
        self._output = output
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        environment = {"PYTHONPATH": self._places, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPROFILEIMPORTTIME": "1"}
        command = [sys.executable, "-S", "-P", str(PROGRAM), *self._modules]
        with self._output.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def start(self, task: Path, environment: Mapping[str, str], output: Path) -> Process:
        """Start the function in the folder ``task`` as :func:`tests.support.lambda_runtime.cold_start` does."""
        output.write_bytes(b"")
        started = self._ask({"task": str(task), "environment": dict(environment), "output": str(output)})
        return _Fork(self, int(started["started"]))

    def end(self, child: int) -> None:
        """Kill a fork. Only its parent can do so without a risk that the number has become another process's."""
        self._ask({"end": child})

    def log(self) -> str:
        """Return what the process itself has reported."""
        return self._output.read_text(encoding="utf-8")

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with self._turn:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        assert answer, self.log()
        found: dict[str, Any] = json.loads(answer)
        return found

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        with self._process:
            self._process.kill()


class _Fork:
    def __init__(self, parent: PreparedRuntime, child: int) -> None:
        self._parent = parent
        self._child = child

    def kill(self) -> None:
        self._parent.end(self._child)

    def wait(self) -> None:
        """Do nothing, because the parent waited when it killed the fork."""
