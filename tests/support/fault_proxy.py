"""A TCP proxy in front of MongoDB that breaks connections during commits."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

FAULTS = ("lost", "late", "cut", "half", "slow")
"""The faults in order: the commit never arrives, it arrives after its sender lost the connection, its answer is lost,
half of its answer is lost, or everything is slow."""
LATEST = 3.0
"""Seconds that a late commit is held back. If the next commit comes sooner, the late one goes just before it."""


class FaultProxy:
    """Stands in front of a server. ``faults`` is the fault of each commit in turn, None for a commit that passes."""

    def __init__(self, host: str, port: int, faults: Iterator[str | None]) -> None:
        self.done: Counter[str] = Counter()
        self._server = (host, port)
        self._faults = faults
        self._on_their_way: list[tuple[asyncio.Event, asyncio.Event]] = []
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection, one request and response at a time, until a side or a fault ends it."""
        self._connections.add(asyncio.current_task())  # type: ignore[arg-type]
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            up_reader, up_writer = await asyncio.open_connection(*self._server)
            try:
                while await self._exchange(reader, writer, up_reader, up_writer):
                    pass
            finally:
                up_writer.close()
        writer.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> bool:
        question = await _message(reader)
        fault = self._fault(question)
        if fault == "lost":
            return False
        if fault == "late":
            writer.transport.abort()
            await self._deliver_late(question, up_reader, up_writer)
            return False
        if b"bulkWrite" in question:
            await self._arrive()
        up_writer.write(question)
        answer = await _message(up_reader)
        if fault == "cut":
            return False
        if fault == "slow":
            await asyncio.sleep(0.05)
        writer.write(answer[: len(answer) // 2] if fault == "half" else answer)
        await writer.drain()
        return fault != "half"

    def _fault(self, question: bytes) -> str | None:
        fault = next(self._faults) if b"bulkWrite" in question else None
        if fault is not None:
            self.done[fault] += 1
        return fault

    async def _deliver_late(
        self, question: bytes, up_reader: asyncio.StreamReader, up_writer: asyncio.StreamWriter
    ) -> None:
        go, arrived = asyncio.Event(), asyncio.Event()
        self._on_their_way.append((go, arrived))
        with suppress(TimeoutError):
            await asyncio.wait_for(go.wait(), LATEST)
        up_writer.write(question)
        await _message(up_reader)
        arrived.set()

    async def _arrive(self) -> None:
        under_way, self._on_their_way = self._on_their_way, []
        for go, arrived in under_way:
            go.set()
            await arrived.wait()

    async def stop(self) -> None:
        """End every connection."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


async def _message(source: asyncio.StreamReader) -> bytes:
    """Read one message of MongoDB's protocol: its first four bytes are its length."""
    head = await source.readexactly(4)
    return head + await source.readexactly(int.from_bytes(head, "little") - 4)


def by_chance(seed: int, share: float = 0.5) -> Iterator[str | None]:
    """Draw a fault of any kind for a share of the commits."""
    chance = random.Random(seed)
    while True:
        yield chance.choice(FAULTS) if chance.random() < share else None


@asynccontextmanager
async def fault_proxy(url: str, faults: Iterator[str | None]) -> AsyncIterator[tuple[FaultProxy, str]]:
    """Run a proxy on a free port of this machine. Yield it and the URL that uses it."""
    where = urlsplit(url)
    assert where.hostname
    assert where.port
    proxy = FaultProxy(where.hostname, where.port, faults)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        # Half a second is the driver's shortest heartbeat, so it finds a lost server no sooner.
        yield (
            proxy,
            f"mongodb://127.0.0.1:{port}/?directConnection=true&serverMonitoringMode=poll&heartbeatFrequencyMS=500",
        )
    finally:
        server.close()
        await proxy.stop()
