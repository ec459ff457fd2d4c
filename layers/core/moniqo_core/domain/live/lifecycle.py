"""The lifecycle of a live wallet: pause, resume, suspend, reinstate and delete, decided on what is stored now."""

from __future__ import annotations

from collections.abc import Mapping

from moniqo_core.domain.errors import ConflictError, WalletSuspendedError
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, Reinstate, SetStatus, Suspend
from moniqo_core.domain.wallets.status_changes import (
    check_status_change,
    check_suspended,
    pause_level_after,
    status_after_suspension,
)
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus


def decide_lifecycle(
    wallet: UserWallet, command: SetStatus | Suspend | Reinstate | DeleteWallet, *, stop_known: bool
) -> Mapping[str, object]:
    """Return the attributes of the wallet that a command changes.

    ``stop_known`` says that the caller has read ``buys_stopped``, and has checked that the wallet may buy again. A
    pause by the owner that keeps no orders stops the buys. Deleting a wallet deletes its credentials and frees its
    venue account, and the caller adds the time.

    Raises:
        WalletSuspendedError: the wallet is suspended, and the command is not an admin's. It cannot be deleted either.
        ConflictError: the command does not fit the status, or the buys were stopped since the caller read the wallet.

    """
    match command:
        case SetStatus():
            return _set_status(wallet, command, stop_known=stop_known)
        case Suspend(reason=reason):
            suspended = SetStatus("suspended", "admin", reason, before=wallet.status.value)
            return _set_status(wallet, suspended, stop_known=stop_known)
        case Reinstate(reason=reason):
            check_suspended(wallet.status.value)
            before = wallet.status_before_suspension
            status = status_after_suspension(before, loss_limit_reached=wallet.buys_stopped)
            by_limit = wallet.buys_stopped and before is not UserWalletStatus.PAUSED
            lifted = SetStatus(status.value, "admin", reason, by_limit=by_limit)
            return _set_status(wallet, lifted, stop_known=stop_known)
        case DeleteWallet():
            check_deletable(wallet)
            return {"credentials": None, "account_fingerprints": ()}


def check_deletable(wallet: UserWallet) -> None:
    """Refuse to delete a suspended wallet. Otherwise its owner could connect the account again and trade on.

    Raises:
        WalletSuspendedError: the wallet is suspended.

    """
    if wallet.status is UserWalletStatus.SUSPENDED:
        raise WalletSuspendedError(
            "A suspended wallet keeps its venue account, so it cannot be deleted.",
            hint="Ask an admin to reinstate the wallet. Then delete it.",
            reason=wallet.status_reason,
        )


def _set_status(wallet: UserWallet, change: SetStatus, *, stop_known: bool) -> Mapping[str, object]:
    level = wallet.pause_level if wallet.status is UserWalletStatus.PAUSED else None
    check_status_change(wallet.status.value, level, change)
    if change.status == UserWalletStatus.ACTIVE and wallet.buys_stopped and not stop_known:
        raise ConflictError("The wallet was paused again in the meantime.", wallet_status=wallet.status.value)
    stops_buys = change.status == UserWalletStatus.PAUSED and change.by == "owner" and not change.keep_orders
    return {
        "status": change.status,
        "status_reason": change.reason,
        "status_before_suspension": change.before if change.status == UserWalletStatus.SUSPENDED else None,
        "pause_level": pause_level_after(wallet.pause_level, change),
        **({"buys_stopped": True} if stops_buys else {}),
    }
