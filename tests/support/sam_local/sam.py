"""`sam local` with the built template, as a developer calls it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local import names
from tests.support.local_run import Reply, exchange, free_port
from tests.support.sam_local.docker import Docker
from tests.support.sam_local.image import AMAZON, ARCHITECTURE
from tests.support.tied_process import tied_process

ROOT: Final = Path(__file__).resolve().parents[3]
BUILT: Final = ROOT / ".build" / "sam-local" / "sam" / "template.yaml"
MACHINE: Final = "host.docker.internal"
"""The name of this machine in the containers."""
START_SECONDS: Final = 120
INVOKE_SECONDS: Final = 180
REQUEST_SECONDS: Final = 90


@dataclass(frozen=True)
class SamLocal:
    """SAM CLI with what it needs. ``folder`` gets its files, and ``settings`` are variables of the functions."""

    program: str
    folder: Path
    docker: Docker
    settings: Mapping[str, str]

    def invoke(self, function: str, event: Path) -> Any:
        """Run a function, given by its logical id, on an event in a file. Return its result."""
        command = self._command("invoke", function, "--event", str(event))
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INVOKE_SECONDS,
            check=False,
        )
        lines = done.stdout.strip().splitlines()
        assert done.returncode == 0, done.stderr[-5000:]
        assert lines, done.stderr[-5000:]
        return json.loads(lines[-1])

    @contextmanager
    def start_api(self) -> Iterator[SamApi]:
        """Serve the routes of the template."""
        port, log = free_port(), self.folder / "start-api.log"
        command = self._command("start-api", "--port", str(port), "--warm-containers", "LAZY")
        with tied_process(command, self._environment, log) as process:
            api = SamApi(port, log)
            deadline = time.monotonic() + START_SECONDS
            while not api.answers():
                assert process.poll() is None, api.output()
                assert time.monotonic() < deadline, api.output()
                time.sleep(0.2)
            try:
                yield api
            finally:
                # SAM CLI would give each function several seconds to stop.
                self.docker.remove_containers(f"ancestor={AMAZON}")

    def _command(self, *arguments: str) -> list[str]:
        # Otherwise it would ask PyPI for a newer release of itself.
        known = self.folder / ".aws-sam" / "metadata.json"
        known.parent.mkdir(exist_ok=True)
        known.write_text(json.dumps({"lastVersionCheck": time.time()}), encoding="utf-8")
        variables = self.folder / "env.json"
        variables.write_text(json.dumps({"Parameters": dict(self.settings)}), encoding="utf-8")
        options = ["--template-file", str(BUILT), "--env-vars", str(variables), "--skip-pull-image"]
        options += ["--parameter-overrides", f"Architecture={ARCHITECTURE}", "--region", names.REGION]
        options += ["--add-host", f"{MACHINE}:host-gateway"]
        return [self.program, "local", *arguments, *options]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **self.docker.environment,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "SAM_CLI_TELEMETRY": "0",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }


@dataclass(frozen=True)
class SamApi:
    """A running `sam local start-api`."""

    port: int
    log: Path

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> Reply:
        """Send one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        try:
            return exchange(connection, method, path, body, token)
        finally:
            connection.close()

    def answers(self) -> bool:
        """Say whether it answers. The route does not exist, so no function runs."""
        try:
            self.call("GET", "/")
        except OSError:
            return False
        return True

    def output(self) -> str:
        """Return the end of what it and the functions wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-5000:]
