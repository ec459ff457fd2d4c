"""Wait until no order that was decided before a change of its wallet can still be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand, SetStatus
from moniqo_core.storage.live.orders import LiveOrderStore

POLL_SECONDS: Final = 0.1
CLOCKS_DIFFER: Final = timedelta(seconds=1)
"""How much the clock of a sender may be behind the one here."""
LONGEST_WAIT: Final = timedelta(seconds=12)
"""Longer than the time in which an intent may be sent, and shorter than a function may run."""


def admits_more(command: LifecycleCommand) -> bool:
    """Tell whether a command only lets a wallet do more, so that earlier orders need not be waited for."""
    return isinstance(command, SetStatus) and command.status == "active"


async def wait_for_earlier_intents(
    store: LiveOrderStore, clock: Clock, user_wallet_ids: Sequence[str] | None = None
) -> None:
    """Return once every intent of these wallets, or of all wallets, has its outcome or is too old to be sent.

    The caller has committed the change before. An intent that is written later is not sent, because its sender reads
    the wallet again.

    Raises:
        TemporarilyUnavailableError: an order is still being sent. Waiting once more is safe.

    """
    until = clock() + LONGEST_WAIT
    while await store.any_to_be_sent(clock() - CLOCKS_DIFFER, user_wallet_ids):
        if clock() >= until:
            raise TemporarilyUnavailableError(
                "The change is stored. An order that was decided before is still being sent.", retry_after=1
            )
        await asyncio.sleep(POLL_SECONDS)
