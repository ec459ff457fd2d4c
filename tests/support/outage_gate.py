"""A TCP gate in front of a server that can fail in several ways and recover, always on the same port."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

TROUBLES: Final = ("closed", "silent", "reset", "garbage", "drip")
"""The faults in order: the port is closed, connections are accepted without an answer, connections break at the first
byte, answers are garbage, or answers come one byte at a time."""
_GARBAGE: Final = bytes(range(256)) * 8
_DRIP_SECONDS: Final = 0.2

Result = TypeVar("Result")


TURNS_UNTIL_SERVED = 5
"""Turns of the loop from an accepted connection to the first step of its task, and some to spare."""


class Gate:
    """Stands in front of the server at ``host:port``. Use it as ``with Gate(...)``."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._trouble: str | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._listening: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def shut(self, trouble: str) -> None:
        """Break the open connections, and let nothing pass from now on."""
        self._run(self._switch(trouble))

    def open(self) -> None:
        """Let everything pass again."""
        self._run(self._switch(None))

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _switch(self, trouble: str | None) -> None:
        await self._end()
        self._trouble = trouble
        if trouble != "closed":
            await self._listen()

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._listening is not None:
            # asyncio never closes a connection that it accepted just before its server closes. So accept no more, and
            # let the accepted ones begin first.
            for listener in self._listening.sockets:
                self._loop.remove_reader(listener.fileno())
            for _ in range(TURNS_UNTIL_SERVED):
                await asyncio.sleep(0)
            self._listening.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            await self._pass(reader, writer)
        except* (OSError, asyncio.CancelledError):
            pass  # Both directions can break at once, which is a group of errors.
        finally:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._trouble in {None, "drip"}:
            up_reader, up_writer = await asyncio.open_connection(*self._server)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_copy(reader, up_writer))
                    both.create_task(_copy(up_reader, writer, slowly=self._trouble == "drip"))
            finally:
                up_writer.transport.abort()
            return
        await reader.read(1)
        if self._trouble == "garbage":
            writer.write(_GARBAGE)
            await writer.drain()
        elif self._trouble == "reset":
            now = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        else:
            await asyncio.Event().wait()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, slowly: bool = False) -> None:
    while some := await source.read(1 if slowly else 65536):
        if slowly:
            await asyncio.sleep(_DRIP_SECONDS)
        target.write(some)
        await target.drain()
    target.close()
