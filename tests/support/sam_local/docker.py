"""The Docker daemon of a test run: the one that answers, or one of its own that leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

from tests.support.tied_process import tied_process

START_SECONDS: Final = 60
_BRIDGE: Final = "moniqo-docker"
_BRIDGE_ADDRESS: Final = "10.254.213.1/24"
_SIOCGIFADDR: Final = 0x8915
_OPTIONS: Final = (
    # Containers reach this machine over the bridge, and are reached through the daemon's own proxy. So the daemon need
    # not touch the machine's firewall or routes.
    *("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false", "--userland-proxy=true"),
    *("--bridge", _BRIDGE),
    *("--log-level", "warn"),
)


class DockerError(Exception):
    """A command of Docker's command line failed. The text is what it says."""


class NoDaemonError(Exception):
    """No Docker daemon answers, and none can be started. The text says why."""


@dataclass(frozen=True)
class Docker:
    """A daemon. ``host`` is its address, and ``gateway`` the address at which its containers reach this machine."""

    host: str
    gateway: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead Docker's tools to the daemon."""
        return {"DOCKER_HOST": self.host, "PATH": system_path()}

    def run(self, *arguments: str, stdin: Path | None = None) -> str:
        """Run a command of Docker's command line and return its output.

        Raises:
            DockerError: it failed.

        """
        return _command(self.host, *arguments, stdin=stdin)

    def remove_containers(self, *filters: str) -> None:
        """Stop and remove the containers that all these filters of `docker ps` select."""
        options = [f"--filter={condition}" for condition in filters]
        containers = self.run("ps", "--all", "--quiet", *options).split()
        if containers:
            self.run("rm", "--force", *containers)


@contextmanager
def docker_daemon() -> Iterator[Docker]:
    """Yield a daemon whose containers can reach this machine.

    Raises:
        NoDaemonError: there is none, and none can be started.

    """
    if shutil.which("docker", path=system_path()) is None:
        raise NoDaemonError("the program docker is not installed")
    usable = _usable(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    if usable is not None:
        yield usable
        return
    for needed in ("dockerd", "ip"):
        if shutil.which(needed, path=system_path()) is None:
            raise NoDaemonError(f"no daemon answers with a bridge on this machine, and {needed} is not installed")
    with (
        _only_one(),
        _own_bridge(),
        TemporaryDirectory(prefix="moniqo-docker-", ignore_cleanup_errors=True) as folder,
        _own_daemon(Path(folder)) as own,
    ):
        yield own


@contextmanager
def _only_one() -> Iterator[None]:
    """Wait for other runs on this machine: two daemons would give out the same addresses on the same bridge."""
    with Path(gettempdir(), f"moniqo-docker-{os.getuid()}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _own_bridge() -> Iterator[None]:
    """Make a new bridge, and delete it afterwards.

    The containers of a run that was killed stay at its bridge, with the addresses that the next daemon gives out. So a
    bridge that is left is deleted first.

    Raises:
        NoDaemonError: none can be made, for example without the rights of root.

    """
    _ip("link", "delete", _BRIDGE)
    try:
        for made in (
            _ip("link", "add", "name", _BRIDGE, "type", "bridge"),
            _ip("address", "add", _BRIDGE_ADDRESS, "dev", _BRIDGE),
            _ip("link", "set", _BRIDGE, "up"),
        ):
            if made.returncode:
                raise NoDaemonError(f"no bridge for containers can be made: {made.stderr.strip()}")
        yield
    finally:
        _ip("link", "delete", _BRIDGE)


def _ip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *arguments], env={"PATH": system_path()}, capture_output=True, text=True, check=False)


@contextmanager
def _own_daemon(folder: Path) -> Iterator[Docker]:
    host, log = f"unix://{folder}/docker.sock", folder / "dockerd.log"
    places = ("--data-root", f"{folder}/data", "--exec-root", f"{folder}/run", "--pidfile", f"{folder}/docker.pid")
    command = ["dockerd", "--host", host, *places, *_OPTIONS]
    environment = {"PATH": system_path(), "HOME": str(folder), "TMPDIR": str(folder)}
    with tied_process(command, environment, log) as process:
        deadline = time.monotonic() + START_SECONDS
        while (docker := _usable(host)) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise NoDaemonError(f"dockerd does not start: {_last_line(log)}")
            time.sleep(0.2)
        try:
            yield docker
        finally:
            with suppress(DockerError):  # the daemon may have ended
                docker.remove_containers()


def _usable(host: str) -> Docker | None:
    """Return the daemon if it answers, and its containers can reach this machine at an address of the bridge.

    The daemon of another machine, or of a container's host, has another bridge.
    """
    options = '{{index .Options "com.docker.network.bridge.name"}}'
    try:
        bridge = _command(host, "network", "inspect", "bridge", "--format", options).strip()
        return Docker(host, _address(bridge))
    except (OSError, DockerError):
        return None


def _address(interface: str) -> str:
    """Return the IPv4 address of a network interface. ``OSError`` if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("256s", interface.encode()[:15])
        answer = fcntl.ioctl(any_socket, _SIOCGIFADDR, request)
    return socket.inet_ntoa(answer[20:24])


def _command(host: str, *arguments: str, stdin: Path | None = None) -> str:
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(
            ["docker", "--host", host, *arguments],
            env={"PATH": system_path(), "HOME": os.environ.get("HOME", "/")},
            stdin=given,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise DockerError(f"docker {arguments[0]}: {done.stderr}")
    return done.stdout


def system_path() -> str:
    """Return the search path with the folders of system programs, such as the daemon and debootstrap."""
    return os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it says nothing")
