"""The one event loop of an execution environment.

Database and HTTP clients belong to the loop they were first used on, so HTTP handlers and queue workers share this one
and nothing calls ``asyncio.run``. Mangum runs its requests on the current loop: :func:`current` makes that this loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")


def current() -> asyncio.AbstractEventLoop:
    """Return the loop, open and set as the current one of this thread."""
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
    """Run ``work`` to its end on the loop and return its result."""
    return current().run_until_complete(work)
