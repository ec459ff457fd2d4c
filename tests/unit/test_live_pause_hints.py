"""The hint of a paused live wallet names a step that works."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from moniqo_core.domain.errors import WalletPausedError
from moniqo_core.domain.live.order_rules import LiveDecision
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from tests.unit.test_live_exposure import MARKET, order
from tests.unit.test_live_losses import LIMITS, MIDNIGHT, NOON, since, wallet

CAN_WITHDRAW = KeyPermissions(can_read=True, can_trade=True, can_withdraw=True)


def paused(level: PauseLevel = PauseLevel.REDUCE_ONLY, peak: str = "500") -> UserWallet:
    """Return a paused wallet that lost 110 of 500 USD on its day."""
    mine = wallet("390", MIDNIGHT - timedelta(minutes=5), since("500", peak))
    limits = replace(LIMITS, max_drawdown_percent=Decimal(40))
    return replace(mine, status=UserWalletStatus.PAUSED, pause_level=level, risk_limits=limits)


def hint(wallet: UserWallet, at: datetime = NOON, side: OrderSide = OrderSide.BUY) -> str:
    with pytest.raises(WalletPausedError) as refusal:
        LiveDecision(order(side, "0.01"), wallet, None, 0, MARKET, at).check()
    return refusal.value.advice


def test_hint_after_the_day_of_a_daily_limit_is_to_resume() -> None:
    assert "A loss limit is still reached." in hint(paused(), MIDNIGHT - timedelta(seconds=1))
    assert hint(paused(), MIDNIGHT).startswith("Resume the wallet")


def test_drawdown_is_still_reached_on_the_next_day() -> None:
    assert "A loss limit is still reached." in hint(paused(peak="1000"), MIDNIGHT)


@pytest.mark.parametrize("at", [NOON, MIDNIGHT])
def test_hint_for_a_key_that_can_withdraw_is_to_replace_it(at: datetime) -> None:
    mine = replace(paused(PauseLevel.FULL), key_permissions=CAN_WITHDRAW, key_permissions_version=1)

    assert "PUT /wallets/{id}/credentials" in hint(mine, at)
    assert '{"level": "reduce_only"}' in hint(mine, at, OrderSide.SELL)
    assert hint(replace(mine, credentials_version=2), MIDNIGHT).startswith("Resume the wallet")
