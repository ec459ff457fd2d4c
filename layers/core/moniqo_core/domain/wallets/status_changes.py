"""Which change of a wallet's status is allowed, and what follows a suspension."""

from __future__ import annotations

from moniqo_core.domain.errors import ConflictError, WalletSuspendedError
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus


def check_status_change(current: str, change: SetStatus) -> None:
    """Refuse a change of status that the caller may not make.

    Owners pause and resume. Only an admin suspends and reinstates.

    Raises:
        WalletSuspendedError: the wallet is suspended and an owner wants to change that.
        ConflictError: the wallet is in the wanted status already, or was never in the one to be lifted.

    """
    if current == "suspended" and change.by != "admin":
        raise WalletSuspendedError("The wallet is suspended.", wallet_status=current)
    if change.status == current:
        raise ConflictError(f"The wallet is already {current}.", wallet_status=current)
    if change.status == "active" and change.by == "admin" and current != "suspended":
        raise ConflictError(f"The wallet is {current}, not suspended.", wallet_status=current)


def status_after_suspension(wallet: UserWallet) -> UserWalletStatus:
    """Return the status of a wallet whose suspension is lifted.

    A wallet its owner or a loss limit had paused is paused again: it must not start to trade because a suspension was
    lifted.
    """
    was_paused = wallet.status_before_suspension is UserWalletStatus.PAUSED or wallet.buys_stopped
    return UserWalletStatus.PAUSED if was_paused else UserWalletStatus.ACTIVE
