"""Commands that change a wallet's status or limits or delete it, and the allowed changes of status."""

from __future__ import annotations

from dataclasses import dataclass

from moniqo_core.domain.errors import ConflictError, WalletSuspendedError
from moniqo_core.domain.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Pause, resume, suspend or reinstate. ``status`` is the new status, ``by`` is owner, admin or system."""

    status: str
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Replace the risk limits."""

    limits: RiskLimits


@dataclass(frozen=True, slots=True)
class DeleteWallet:
    """Delete the wallet. With ``force``, open orders are cancelled first and holdings are given up."""

    force: bool = False


LifecycleCommand = SetStatus | SetLimits | DeleteWallet


def check_status_change(current: str, change: SetStatus) -> None:
    """Refuse a change of status that the requester may not make.

    Owners pause and resume. Only an administrator suspends and reinstates.

    Raises:
        WalletSuspendedError: The wallet is suspended, and the requester is not an administrator.
        ConflictError: The wallet already has the new status, or an administrator reinstates a wallet that is not
            suspended.

    """
    if current == "suspended" and change.by != "admin":
        raise WalletSuspendedError("The wallet is suspended.", wallet_status=current)
    if change.status == current:
        raise ConflictError(f"The wallet is already {current}.", wallet_status=current)
    if change.status == "active" and change.by == "admin" and current != "suspended":
        raise ConflictError(f"The wallet is {current}, not suspended.", wallet_status=current)
