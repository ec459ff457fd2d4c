"""Reset a demo wallet, once for each idempotency key."""

from __future__ import annotations

from collections.abc import Mapping

from moniqo_core.domain.errors import IdempotencyMismatchError
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.wallets.demo.access import DemoAccess
from moniqo_core.wallets.demo.decide_and_commit import RepeatedOrderError


async def reset(access: DemoAccess, command: ResetAccount, projection: Mapping[str, object]) -> bool:
    """Start a new epoch. Returns False if an earlier or simultaneous reset with the same key has already done so.

    Raises:
        IdempotencyMismatchError: the earlier reset started with another balance.

    """
    if await _was_reset(access, command):
        return False
    try:
        await access.session.run(command, projection)
    except RepeatedOrderError:
        if not await _was_reset(access, command):
            raise
        return False
    return True


async def _was_reset(access: DemoAccess, command: ResetAccount) -> bool:
    if command.key is None:
        return False
    before = await access.history.reset_under(access.user_wallet_id, command.key)
    if before is not None and before != command:
        raise IdempotencyMismatchError("This Idempotency-Key already reset the wallet with a different body.")
    return before is not None
