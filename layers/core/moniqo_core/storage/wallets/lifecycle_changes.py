"""Changes of a wallet's life: the attributes that they set.

A paper account writes them together with its journal. A venue knows nothing of such changes, so the document of a live
wallet is all that changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand, SetLimits, SetStatus, check_status_change
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.user_wallets import UserWalletStore

Changes = Mapping[str, object]


def touched(now: datetime) -> Changes:
    """What every change sets: when it happened."""
    return {"updated_at": now}


def changed_status(before: UserWallet, after: UserWallet) -> Changes:
    """What changes beside the status of a wallet that becomes ``after``.

    An active wallet may buy again.
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
    """Write a change over the status the wallet was read with.

    A wallet whose purchases a loss limit stopped is taken into use again only by who knows of it, and sets
    ``buys_stopped`` too. A deleted wallet's credentials are forgotten.

    Raises:
        WalletSuspendedError, ConflictError: the change is not open to whoever asks, or somebody was faster.

    """
    fields = dict(projection)
    if isinstance(command, SetStatus):
        check_status_change(wallet.status.value, command)
        fields["status"] = command.status
        if command.status == UserWalletStatus.ACTIVE and wallet.buys_stopped and "buys_stopped" not in fields:
            raise ConflictError("A loss limit stopped this wallet in the meantime.", wallet_status=wallet.status.value)
    elif isinstance(command, SetLimits):
        fields["risk_limits"] = command.limits
    else:
        fields |= {"deleted_at": fields["updated_at"], "credentials": None}
    await store.change_in_status(wallet, fields)
