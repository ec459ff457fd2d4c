"""Keeps changes of a live wallet's life: the venue knows nothing of them, so its document is all that changes."""

from __future__ import annotations

from collections.abc import Mapping

from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.wallets.changes import LifeCommand, SetLimits, SetStatus, check_transition
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.user_wallets import UserWalletStore


async def keep_life(
    store: UserWalletStore, wallet: UserWallet, command: LifeCommand, projection: Mapping[str, object]
) -> None:
    """Write a change over the status the wallet was read with.

    A wallet whose purchases a loss limit stopped is taken into use again only by who knows of it, and sets
    ``buys_stopped`` too. A deleted wallet's credentials are forgotten.

    Raises:
        WalletSuspendedError, ConflictError: the change is not open to whoever asks, or somebody was faster.

    """
    fields = dict(projection)
    if isinstance(command, SetStatus):
        check_transition(wallet.status.value, command)
        fields["status"] = command.status
        if command.status == UserWalletStatus.ACTIVE and wallet.buys_stopped and "buys_stopped" not in fields:
            raise ConflictError("A loss limit stopped this wallet in the meantime.", wallet_status=wallet.status.value)
    elif isinstance(command, SetLimits):
        fields["risk_limits"] = command.limits
    else:
        fields |= {"deleted_at": fields["updated_at"], "credentials": None}
    await store.change_in_status(wallet, fields)
