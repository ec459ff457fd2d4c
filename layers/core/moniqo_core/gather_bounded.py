"""Run many calls concurrently, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def gather_bounded(call: Callable[[Item], Awaitable[Result]], items: Iterable[Item], limit: int) -> list[Result]:
    """Await ``call(item)`` for every item, at most ``limit`` at once, and return the results in the order of the items.

    The first exception is raised at once, as by :func:`asyncio.gather`.
    """
    slots = asyncio.Semaphore(limit)

    async def bounded(item: Item) -> Result:
        async with slots:
            return await call(item)

    return await asyncio.gather(*(bounded(item) for item in items))
