"""A TCP proxy that harms connections the way networks do, by the numbers of a seeded generator."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

REQUEST_FAULTS = ("lost", "late", "slow")
"""A request never arrives; arrives after its sender's connection broke; arrives after a while."""
ANSWER_FAULTS = ("cut", "half", "slow")
"""The work is done and the answer does not come back; half of it does; it takes a while."""


@dataclass
class FaultProxy:
    """Stands before a server. Nothing is harmed while ``rate``, a share of all messages, is 0."""

    host: str
    port: int
    seed: int
    rate: float = 0.0
    url: str = ""
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._work: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side, or a fault, ends it."""
        upstream_reader, upstream_writer = await asyncio.open_connection(self.host, self.port)
        both = (writer, upstream_writer)
        for source, target, faults in (
            (reader, upstream_writer, REQUEST_FAULTS),
            (upstream_reader, writer, ANSWER_FAULTS),
        ):
            task = asyncio.create_task(self._carry(source, target, writer, both, faults))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        both: Sequence[asyncio.StreamWriter],
        faults: Sequence[str],
    ) -> None:
        try:
            while message := await self._message(source):
                fault = self._random.choice(faults) if self._random.random() < self.rate else None
                self.done[fault or "whole"] += 1
                if fault == "late":
                    client.transport.abort()
                if fault in {"late", "slow"}:
                    await asyncio.sleep(self._random.uniform(0.005, 0.05))
                elif fault == "half":
                    message = message[: len(message) // 2]
                if fault not in {"lost", "cut"}:
                    target.write(message)
                    await target.drain()
                if fault not in {None, "slow"}:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        for side in both:
            side.close()

    @staticmethod
    async def _message(source: asyncio.StreamReader) -> bytes:
        """Read one message of MongoDB's protocol: its first four bytes are its length."""
        head = await source.readexactly(4)
        return head + await source.readexactly(int.from_bytes(head, "little") - 4)

    async def stop(self) -> None:
        """End every connection."""
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)


@asynccontextmanager
async def fault_proxy(host: str, port: int, seed: int) -> AsyncIterator[FaultProxy]:
    """Run a proxy before ``host:port`` on a free port of this machine; ``url`` is where to connect."""
    proxy = FaultProxy(host, port, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"mongodb://127.0.0.1:{server.sockets[0].getsockname()[1]}/?directConnection=true"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
