"""The two servers behind the functions, as child processes that never outlive `make run`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from local.errors import LocalError
from local.state import StateDirectory

PORT_FILE: Final = "ports.json"
_PORTS: Final = range(1, 65536)


class Child:
    """A server process in its own session. Ctrl-C reaches only the parent, which stops its servers in order."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Wrap a started process under ``name``."""
        self.name = name
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        arguments: Sequence[str],
        *,
        log: IO[bytes],
        inherit: Sequence[int] = (),
    ) -> Child:
        """Start ``python -m arguments...``. ``inherit`` lists the descriptors that it shares."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=inherit,
            start_new_session=True,
        )
        return cls(name, process)

    @property
    def running(self) -> bool:
        """Say whether the process is still there."""
        return self._process.returncode is None

    async def ended(self) -> None:
        """Return when the process has ended by itself."""
        await self._process.wait()

    async def stop(self, *, grace: float) -> None:
        """Terminate the process. Kill it if it still runs after ``grace`` seconds."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def listen(port: int) -> socket.socket:
    """Listen on loopback. Port 0 takes a free one.

    Raises:
        LocalError: the port is taken.
    """
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP. Otherwise, each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise LocalError(
            f"port {port} cannot be used ({os.strerror(error.errno or 0)}). Stop the process that uses it, or set PORT."
        ) from None
    return listener


def last_port(state: StateDirectory) -> int | None:
    """Return the port that the database had before, or nothing where that is not known."""
    try:
        kept: int | None = state.read(PORT_FILE, lambda port: type(port) is int and port in _PORTS, "")
    except LocalError:
        return None
    return kept


def free_port(preferred: int | None) -> int:
    """Return a port that is free on loopback now: ``preferred`` if possible."""
    for candidate in (preferred or 0, 0):
        with suppress(LocalError), listen(candidate) as listener:
            port: int = listener.getsockname()[1]
            return port
    raise LocalError("no port on 127.0.0.1 is free.")
