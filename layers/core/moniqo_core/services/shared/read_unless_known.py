"""Read a wallet, unless the caller already has what a read would show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")

Knows = Callable[[str], bool]
"""Tells whether the caller has what a version of a wallet shows."""


class Versioned(NamedTuple, Generic[Value]):
    """What a read shows, and its version, which is None where only the value tells."""

    value: Value
    version: str | None


class Unchanged(NamedTuple):
    """The caller already has what this version shows, so nothing was read."""

    version: str


def knows_nothing(_: str) -> bool:
    """Say that the caller has no version."""
    return False


async def read_unless_known(
    version: Callable[[], str | None],
    knows: Knows,
    read: Callable[[], Awaitable[Value]],
    is_final: Callable[[Value], bool] = lambda _: True,
) -> Versioned[Value] | Unchanged:
    """Read, unless ``knows`` the present ``version``. A value that is not final may be another one at the next read."""
    before = version()
    if before is not None and knows(before):
        return Unchanged(before)
    value = await read()
    # A read that committed a change, or during which the price changed, may show either version.
    return Versioned(value, before if version() == before and is_final(value) else None)
