"""The interface of the service that cancels buy orders of live wallets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class CancelsBuys(Protocol):
    """Cancels the open buy orders of wallets that were paused or reached a loss limit."""

    async def stop(self, user_wallet_ids: Sequence[str]) -> None:
        """Cancel the open buy orders of these wallets. Failures are logged, not raised."""
