"""The single event loop of an execution environment.

Database and HTTP clients belong to the loop on which they are first used. So HTTP handlers and queue workers share this
loop, and no code calls ``asyncio.run``. Mangum runs its requests on the current loop, which :func:`current` sets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")


def current() -> asyncio.AbstractEventLoop:
    """Return the open loop, after setting it as the current loop of this thread. A closed loop is replaced."""
    loop = _loop()
    if loop.is_closed():
        _loop.cache_clear()
        loop = _loop()
    asyncio.set_event_loop(loop)
    return loop


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def run(work: Coroutine[object, object, Result]) -> Result:
    """Run ``work`` on the loop until it completes, and return its result."""
    return current().run_until_complete(work)
