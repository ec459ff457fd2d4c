"""Changes of the status of a live wallet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import ConflictError
from moniqo_core.domain.live.lifecycle import decide_lifecycle
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus
from tests.support.user_wallets import active_wallet

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("level", list(PauseLevel))
def test_paused_wallet_is_paused_again_at_the_other_level_only(level: PauseLevel) -> None:
    active = active_wallet(RiskLimits(Decimal(1), Decimal(1), 1), NOON)
    paused = replace(active, status=UserWalletStatus.PAUSED, pause_level=PauseLevel.FULL)
    change = SetStatus("paused", "owner", "a rest", level)
    assert decide_lifecycle(active, change, stop_known=False)["pause_level"] is level
    if level is PauseLevel.FULL:
        with pytest.raises(ConflictError, match="already paused"):
            decide_lifecycle(paused, change, stop_known=False)
    else:
        assert decide_lifecycle(paused, change, stop_known=False)["pause_level"] is level
