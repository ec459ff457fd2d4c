"""Lifecycle commands of a live wallet, such as pausing or deleting it. They change its document only.

A demo account writes them together with its journal entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.domain.live.lifecycle import decide_lifecycle
from moniqo_core.domain.risk.limits import changed_limits
from moniqo_core.domain.wallets.lifecycle_commands import ChangeLimits, DeleteWallet, LifecycleCommand
from moniqo_core.domain.wallets.status_changes import check_pause_unchanged
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.wallets.last_use import time_of_use
from moniqo_core.storage.wallets.user_wallets import UserWalletStore

DECISIONS: Final = 20
"""The most decisions for one command. It is decided again when another request was faster."""

Changes = Mapping[str, object]


def touched(now: datetime) -> Changes:
    """Return the attributes that every change sets: the time of the change."""
    return {"updated_at": now}


async def record_lifecycle_change(
    store: UserWalletStore, wallet: UserWallet, command: LifecycleCommand, projection: Changes
) -> None:
    """Decide a lifecycle command on a live wallet and write it. ``wallet`` is as the caller read it.

    If another request changed the wallet meanwhile, the command is decided again on the new state. So two concurrent
    requests both take effect. A wallet whose buys were stopped becomes active only if ``projection`` also sets
    ``buys_stopped``.

    Raises:
        NotFoundError: the wallet was deleted.
        WalletSuspendedError: the wallet is suspended, and the command is not an admin's.
        ConflictError: the command does not fit the status, or the pause that it ends was changed meanwhile.
        ValidationError: no daily loss limit would stay set.
        TemporarilyUnavailableError: other requests were faster for too long.

    """
    stored, used = wallet, time_of_use(command, cast("datetime | None", projection.get("updated_at")))
    projection = {**projection, **used}
    for _ in range(DECISIONS):
        if isinstance(command, ChangeLimits):
            changed_limits(stored.risk_limits, command.changes)
            done = await store.change_limits(stored, command.changes, projection)
        else:
            decided = decide_lifecycle(stored, command, stop_known="buys_stopped" in projection)
            ended = {"deleted_at": projection["updated_at"]} if isinstance(command, DeleteWallet) else {}
            done = await store.change_in_status(stored, {**projection, **decided, **ended})
        if done:
            return
        stored = await store.get(wallet.user_id, wallet.id)
        check_pause_unchanged(command, wallet.pause_level, stored.status, stored.pause_level)
    raise TemporarilyUnavailableError("Too many requests are changing this wallet at once.", retry_after=1)
