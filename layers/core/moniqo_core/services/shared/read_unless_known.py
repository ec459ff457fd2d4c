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


async def read_unless_known(
    version: Callable[[], str | None], knows: Knows, read: Callable[[], Awaitable[Value]]
) -> Versioned[Value] | Unchanged:
    """Read, unless ``knows`` the present ``version``."""
    before = version()
    if before is not None and knows(before):
        return Unchanged(before)
    value = await read()
    # A read that committed a change, or during which the price changed, may show either version. One that stopped short
    # of now has committed how far it came.
    return Versioned(value, before if version() == before else None)
