"""Changes of a wallet: its status, its limits, its end.

A request says what the caller wants, and its decision returns the command to store: :class:`Suspend` and
:class:`Reinstate` become a :class:`SetStatus`, and :class:`ChangeLimits` becomes a :class:`SetLimits`. Each request is
decided on the state that the one before it left, so two concurrent requests both take effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moniqo_core.domain.added_fields import ADDED
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.pause_level import PauseLevel


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set the status. ``status`` is the new status, ``by`` is owner, admin or system.

    A pause has a ``level``. Without one, an active wallet is paused as reduce-only, and the level of a paused wallet
    stays. A pause by the owner cancels the open buys, unless ``keep_orders`` is True. ``before`` is the status before a
    suspension, or ``suspended`` when the suspension is lifted. ``by_limit`` says that a loss limit paused the wallet. A
    suspension in between does not change that.
    """

    status: str
    by: str
    reason: str | None = None
    level: PauseLevel | None = field(default=None, metadata=ADDED)
    keep_orders: bool = field(default=False, metadata=ADDED)
    before: str | None = field(default=None, metadata=ADDED)
    by_limit: bool = field(default=False, metadata=ADDED)


@dataclass(frozen=True, slots=True)
class Suspend:
    """Suspend the wallet for an admin."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reinstate:
    """Lift a suspension. The wallet is paused if it was paused before, or if a loss limit is reached.

    ``before`` is the status before the suspension as the user wallet has it, for a suspension that the account did not
    record.
    """

    reason: str
    before: str | None = None


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Replace the risk limits."""

    limits: RiskLimits


@dataclass(frozen=True, slots=True)
class ChangeLimits:
    """Change some risk limits. ``changes`` has their new values by name."""

    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DeleteWallet:
    """Delete the wallet. With ``force``, open orders are cancelled first and holdings are given up."""

    force: bool = False


LifecycleCommand = SetStatus | Suspend | Reinstate | ChangeLimits | DeleteWallet
"""What callers ask of a wallet."""
