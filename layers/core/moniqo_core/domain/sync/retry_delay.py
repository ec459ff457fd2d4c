"""How long a wallet waits for its next sync after a failed one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_RETRY: Final = timedelta(minutes=5)
SLOWEST_RETRY: Final = timedelta(hours=6)


def retry_delay(failures: int, jitter: float) -> timedelta:
    """Return ``jitter`` (0 to 1) times the longest wait after ``failures``, which doubles up to a cap."""
    # 2**7 x 5 minutes is above the cap. The bound keeps the power small, however long a wallet keeps failing.
    longest = min(SLOWEST_RETRY, FIRST_RETRY * (1 << min(failures - 1, 10)))
    return longest * jitter
