"""What a sync of a wallet is, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.risk.loss_limits import LossLimitBreach
from moniqo_core.domain.wallets.user_wallet import (
    UserWallet,
)


class SyncType(StrEnum):
    """What started a sync."""

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
    """One attempt: ``id`` is the same for every delivery of the same work, which has a time it was scheduled for."""

    id: str
    type: SyncType
    started_at: datetime
    scheduled_for: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncLogEntry:
    """One row of the sync log. ``api_calls`` counts calls to a venue; a paper wallet has none.

    ``equation`` explains every asset that moved since the last sync; None when the account does not tell what moved.
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
        """Whether everything that moved is explained; None when nobody knows."""
        return None if self.equation is None else not any(line.residue for line in self.equation)


class SyncLogCursor(NamedTuple):
    """A page of the log begins after the sync that started at ``started_at`` and has the id ``id``."""

    started_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a sync changes: ``before`` is the wallet as it was read, ``after`` as it is to be stored.

    ``log`` is None for a paper wallet whose journal did not move: only its ``samples``, hours of equity of ``epoch``,
    are kept. ``corrected`` says that the wallet did not show what its journal says, ``breach`` which loss limit a live
    wallet reaches.
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


def scheduled_run(user_wallet_id: str, scheduled_for: datetime, now: datetime) -> SyncRun:
    """Name the scheduled sync of a wallet, the same for every delivery."""
    return SyncRun(f"{user_wallet_id}:{scheduled_for.isoformat()}", SyncType.SCHEDULED, now, scheduled_for)
