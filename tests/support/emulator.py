"""MiniStack, an emulator of AWS, in its own process on loopback with its own temporary folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.support.local_run import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
REGION: Final = "us-east-1"
START_SECONDS: Final = 60
# Its standard input is a pipe of this process, so it ends when the tests end in any way.
_PROGRAM: Final = "from local.lifeline import follow_parent; follow_parent(); from ministack.app import main; main()"


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    port: int
    folder: Path
    pid: int

    @property
    def url(self) -> str:
        """The URL of its services."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point AWS tools to it and keep their files in its folder."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "TMPDIR": str(self.folder / "tmp"),
            "HOME": str(self.folder / "home"),
            "PATH": os.environ["PATH"],
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client of one of its services."""
        import boto3

        secret = "test"
        make = partial(boto3.client, aws_access_key_id="test", aws_secret_access_key=secret)
        return make(service, endpoint_url=self.url, region_name=REGION)

    def log(self) -> str:
        """Return what it has logged so far, output of functions included."""
        return (self.folder / "emulator.log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def emulator(python: str) -> Iterator[Emulator]:
    """Run MiniStack with the interpreter of its environment, and remove all its processes and files at the end."""
    with TemporaryDirectory(prefix="moniqo-e2e-") as folder, _running(python, Path(folder)) as running:
        yield running


@contextmanager
def _running(python: str, folder: Path) -> Iterator[Emulator]:
    for name in ("tmp", "home", "state"):
        (folder / name).mkdir()
    port = free_port()
    variables = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(folder / "tmp"),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": "123456789012",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Functions inherit all of these.
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
    }
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-c", _PROGRAM],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running = Emulator(port, folder, process.pid)
    try:
        _wait_until_ready(running, process)
        yield running
    finally:
        _stop(process)


def _wait_until_ready(running: Emulator, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=5)
        try:
            connection.request("GET", "/_ministack/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
        finally:
            connection.close()
    raise AssertionError(f"MiniStack does not answer: {running.log()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group, which contains the processes of functions. It has nothing to save."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
