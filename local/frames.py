"""Messages between `make run` and its workers: four bytes of length, then JSON."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from typing import Any

_LENGTH = struct.Struct(">I")


def encode(message: object) -> bytes:
    """Return one frame."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


async def read(stream: asyncio.StreamReader) -> Any:
    """Read one frame. ``asyncio.IncompleteReadError`` means that the other process has ended."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    return json.loads(await stream.readexactly(length))


def read_blocking(descriptor: int) -> Any:
    """Read one frame. ``EOFError`` means that the other process has ended."""
    (length,) = _LENGTH.unpack(_exactly(descriptor, _LENGTH.size))
    return json.loads(_exactly(descriptor, length))


def write_blocking(descriptor: int, frame: bytes) -> None:
    """Write one frame."""
    view = memoryview(frame)
    while view:
        view = view[os.write(descriptor, view) :]


def _exactly(descriptor: int, count: int) -> bytes:
    chunks = []
    while count:
        chunk = os.read(descriptor, min(count, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)
