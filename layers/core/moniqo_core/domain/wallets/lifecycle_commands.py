"""Changes of a wallet: its status, its limits, its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from moniqo_core.domain.added_fields import ADDED
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.pause_level import PauseLevel


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Pause, resume, suspend or reinstate. ``status`` is the new status, ``by`` is owner, admin or system.

    A pause has a ``level``. Without one, an active wallet is paused as reduce-only, and the level of a paused wallet
    stays. A pause by the owner cancels the open buys, unless ``keep_orders`` is True.
    """

    status: str
    by: str
    reason: str | None = None
    level: PauseLevel | None = field(default=None, metadata=ADDED)
    keep_orders: bool = field(default=False, metadata=ADDED)


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Replace the risk limits."""

    limits: RiskLimits


@dataclass(frozen=True, slots=True)
class DeleteWallet:
    """Delete the wallet. With ``force``, open orders are cancelled first and holdings are given up."""

    force: bool = False


LifecycleCommand = SetStatus | SetLimits | DeleteWallet
