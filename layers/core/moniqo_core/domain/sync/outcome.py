"""A sync of a wallet, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from moniqo_core.domain.live.transfers import Transfer
from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.risk.loss_limits import LossLimitBreach
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet


class SyncType(StrEnum):
    """The trigger of a sync."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    PRE_TRADE = "pre_trade"


class SyncStatus(StrEnum):
    """The result of a sync. ``partial`` means a missing value, a stale price or an unexplained movement."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncRun:
    """One attempt to sync a wallet.

    ``id`` is the same for every delivery of the same scheduled work. ``scheduled_for`` is the time of that schedule.
    """

    id: str
    type: SyncType
    started_at: datetime
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncLogEntry:
    """One row of the sync log. ``api_calls`` counts calls to a venue, and is zero for a paper wallet.

    ``equation`` explains every asset that moved since the last sync. It is None when the account does not report its
    movements.
    """

    id: str
    user_id: str
    user_wallet_id: str
    sync_type: SyncType
    status: SyncStatus
    started_at: datetime
    duration_ms: int
    api_calls: int = 0
    error_code: str | None = None
    assets_count: int = 0
    total_value_usd: Decimal | None = None
    equation: Sequence[EquationLine] | None = None

    @property
    def balanced(self) -> bool | None:
        """Whether every movement is explained, or None when it is unknown."""
        return None if self.equation is None else not any(line.residue for line in self.equation)


class SyncLogCursor(NamedTuple):
    """Cursor of the sync log. The page begins after this ``started_at`` and ``id``."""

    started_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """The changes that a sync makes. ``before`` is the wallet as it was read, ``after`` as it will be stored.

    ``log`` is None for a paper wallet whose journal did not change. Then only its ``samples``, the hours of equity of
    ``epoch``, are stored. ``corrected`` tells that the wallet did not match its journal. ``breach`` is the loss limit
    that a live wallet reached. ``transfers`` are its deposits and withdrawals since the last sync.
    """

    run: SyncRun
    before: UserWallet
    after: UserWallet
    log: SyncLogEntry | None
    error_message: str | None = None
    epoch: int = 1
    samples: Sequence[EquitySample] = ()
    corrected: bool = False
    breach: LossLimitBreach | None = None
    transfers: Sequence[Transfer] = ()

    @property
    def pauses(self) -> bool:
        """Whether the sync pauses a wallet that was in use."""
        return self.before.status not in STOPPED_STATUSES and self.after.status in STOPPED_STATUSES


def scheduled_run(user_wallet_id: str, scheduled_for: datetime, now: datetime) -> SyncRun:
    """Return the scheduled sync of a wallet, whose id is the same for every delivery."""
    return SyncRun(f"{user_wallet_id}:{scheduled_for.isoformat()}", SyncType.SCHEDULED, now, scheduled_for)
