"""Changes of a wallet: its status, its limits, its end."""

from __future__ import annotations

from dataclasses import dataclass

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
