"""The attributes of a user wallet that lifecycle commands set, such as pausing or deleting it.

A demo account writes them together with its journal entry. Of a live wallet only its document changes, because the
venue is not involved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand, SetLimits, SetStatus
from moniqo_core.domain.wallets.status_changes import check_status_change, pause_level_after
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.user_wallets import UserWalletStore

Changes = Mapping[str, object]


def touched(now: datetime) -> Changes:
    """Return the attributes that every change sets: the time of the change."""
    return {"updated_at": now}


def changed_status(before: UserWallet, after: UserWallet) -> Changes:
    """Return the attributes that change together with the status of a wallet that becomes ``after``.

    A wallet that becomes active may buy again.
    """
    fields: dict[str, object] = {
        "status_reason": after.status_reason,
        "status_before_suspension": after.status_before_suspension,
        "updated_at": after.updated_at,
    }
    if after.status is UserWalletStatus.ACTIVE and before.buys_stopped:
        fields["buys_stopped"] = False
    return fields


async def record_lifecycle_change(
    store: UserWalletStore, wallet: UserWallet, command: LifecycleCommand, projection: Mapping[str, object]
) -> None:
    """Write a lifecycle command to a live wallet, if its status is still the one that was read.

    A pause by the owner that keeps no orders marks the open buys for cancellation. A wallet with this mark becomes
    active only if ``projection`` also sets ``buys_stopped``. Deleting a wallet deletes its credentials.

    Raises:
        WalletSuspendedError: the wallet is suspended, and the command is not an admin's.
        ConflictError: the command does not fit the status, or another request changed the wallet.

    """
    fields = dict(projection)
    if isinstance(command, SetStatus):
        level = wallet.pause_level if wallet.status is UserWalletStatus.PAUSED else None
        check_status_change(wallet.status.value, level, command)
        fields |= {"status": command.status, "pause_level": pause_level_after(wallet.pause_level, command)}
        if command.status == UserWalletStatus.PAUSED and command.by == "owner" and not command.keep_orders:
            fields["buys_stopped"] = True
        if command.status == UserWalletStatus.ACTIVE and wallet.buys_stopped and "buys_stopped" not in fields:
            raise ConflictError("The wallet was stopped in the meantime.", wallet_status=wallet.status.value)
    elif isinstance(command, SetLimits):
        fields["risk_limits"] = command.limits
    else:
        fields |= {"deleted_at": fields["updated_at"], "credentials": None}
    await store.change_in_status(wallet, fields)
