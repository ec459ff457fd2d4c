"""The pause before a command that another writer of the same journal overtook is decided again."""

from __future__ import annotations

import asyncio
from random import SystemRandom
from typing import Final

FIRST_SECONDS: Final = 0.02
LONGEST_SECONDS: Final = 0.5
_jitter: Final = SystemRandom().random


async def pause_after(tries: int) -> None:
    """Wait a random time up to a limit, which doubles with each try. Writers that try at once thus spread."""
    await asyncio.sleep(_jitter() * min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (tries - 1)))
