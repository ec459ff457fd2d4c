"""How long a wallet whose sync failed waits for the next one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_RETRY: Final = timedelta(minutes=5)
SLOWEST_RETRY: Final = timedelta(hours=6)


def retry_delay(failures: int, jitter: float) -> timedelta:
    """Return ``jitter`` (0 to 1) times the longest wait after so many failures, which doubles up to a cap."""
    # 2**6 x 5 minutes is above the cap; the bound keeps the power small however long a wallet stays broken.
    longest = min(SLOWEST_RETRY, FIRST_RETRY * (1 << min(failures - 1, 10)))
    return longest * jitter
