"""Two releases at once: the code of an earlier release from the history, each in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support.lambdas import ROOT, Answer, User, http_event

BEFORE = ROOT / "tests" / "fixtures" / "release_before"
"""The file with the commit of the release before. docs/guides/release.md says when to change it."""
_PROGRAM = Path(__file__).with_name("release_program.py")
_KEPT = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_CONFIG")


@dataclass(frozen=True)
class Release:
    """A release whose code is in a folder."""

    name: str
    folder: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, **self.variables, "PYTHONPATH": str(self.folder / "layers" / "core")}

    def admin(self, *words: str) -> tuple[int, str]:
        """Run ``moniqo-admin`` of the release, and return its exit code and what it printed."""
        command = [sys.executable, "-m", "moniqo_core.cli", *words]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def running(self, log: Path) -> Iterator[RunningRelease]:
        """Run the functions of the release in a process. It writes its log to ``log``."""
        command = [sys.executable, str(_PROGRAM), str(self.folder / "functions")]
        with (
            log.open("a") as errors,
            subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            ) as process,
        ):
            try:
                yield RunningRelease(self.name, process, log)
            finally:
                process.kill()


class RunningRelease:
    """A process with the functions of a release. It takes one call at a time."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def call(
        self,
        function: str,
        method: str,
        path: str,
        *,
        user: User | None = None,
        body: object = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call a function as a client would through the gateway."""
        event = http_event(method, path, user=user, body=body, query=query, headers=headers)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([function, event]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} ended: {self._log.read_text()[-2000:]}"
        result: dict[str, Any] = json.loads(line)
        return Answer(result["statusCode"], result["headers"], result.get("body", ""), result["isBase64Encoded"])


def code_before(folder: Path) -> Path:
    """Write the code of the release before to ``folder`` and return it. A history without it fails the test.

    A shallow clone, or a copy without a history, cannot have it. Then the test is skipped.
    """
    commit = BEFORE.read_text(encoding="utf-8").strip()
    done = _git("archive", "--format=tar", commit, "layers/core", "functions")
    if done.returncode and _git("rev-parse", "--is-shallow-repository").stdout.strip() != b"false":
        pytest.skip(f"Two releases were NOT tried: this copy lacks commit {commit}. Clone the whole history.")
    assert done.returncode == 0, f"The history lacks commit {commit}, the release before: {done.stderr.decode()}"
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False)
