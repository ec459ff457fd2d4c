"""The Docker daemon of `make sam-local`: the reason why there is none, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.local_run import ROOT, gone
from tests.support.sam_local.docker import NoDaemonError, docker_daemon
from tests.support.tied_process import tied_process

OWNER = """
import sys, time
from pathlib import Path
from tests.support.tied_process import tied_process
with tied_process(["sh", "-c", "echo $$; exec sleep 600"], {"PATH": sys.argv[2]}, Path(sys.argv[1])):
    time.sleep(600)
"""


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_daemon_that_cannot_start_is_reported_with_its_last_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "dockerd", "echo 'failed to start daemon: operation not permitted' >&2; exit 1")
    program(tmp_path, "ip", "exit 0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # so that it does not wait for a run of `make sam-local`
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NoDaemonError, match="dockerd does not start: failed to start daemon"), docker_daemon():
        pass


def test_bridge_of_a_killed_run_is_deleted_before_the_next_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "dockerd", "exit 1")
    program(tmp_path, "ip", f'echo "$1 $2" >> {tmp_path}/calls; [ "$1" != address ] || {{ echo denied >&2; exit 2; }}')
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NoDaemonError, match="no bridge for containers can be made: denied"), docker_daemon():
        pass
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [calls[0], calls[1], calls[-1]] == ["link delete", "link add", "link delete"]


def process_id(log: Path) -> int:
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "the command did not start"
        time.sleep(0.02)
    return int(log.read_text())


def test_tied_process_ends_with_its_block(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with tied_process(["sh", "-c", "echo $$; exec sleep 600"], {"PATH": os.environ["PATH"]}, log) as process:
        started = process_id(log)
    assert process.returncode == -signal.SIGTERM % 256
    assert gone([started])


def test_tied_process_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", OWNER, str(log), os.environ["PATH"]], cwd=ROOT) as owner:
        started = process_id(log)
        owner.kill()
    assert gone([started])
