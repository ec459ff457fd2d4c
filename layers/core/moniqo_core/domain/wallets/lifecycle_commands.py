"""Changes of a wallet: its status, its limits, its end; and which change of status is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from moniqo_core.domain.errors import ConflictError, WalletSuspendedError
from moniqo_core.domain.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Pause, resume, suspend or reinstate: ``status`` is the new one, ``by`` is owner, admin or system."""

    status: str
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Replace the risk limits."""

    limits: RiskLimits


@dataclass(frozen=True, slots=True)
class DeleteWallet:
    """Delete the wallet; ``force`` cancels open orders first and gives up what is held."""

    force: bool = False


LifecycleCommand = SetStatus | SetLimits | DeleteWallet


def check_status_change(current: str, change: SetStatus) -> None:
    """Refuse a change of status that is not open to whoever asks.

    Owners pause and resume; only an administrator suspends and reinstates.

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
