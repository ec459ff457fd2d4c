"""The limit of open orders: one rule for paper and live wallets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from moniqo_core.domain.errors import RateLimitExceededError
from moniqo_core.domain.live.order_rules import LiveDecision
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from tests.support.engine_harness import BTC, MARKETS, START, EngineHarness
from tests.support.user_wallets import active_wallet

LIMIT = 500
ORDER = OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, Decimal("0.01"), price=Decimal(40000))
WALLET = active_wallet(RiskLimits(Decimal(10**9), Decimal(10**9), 100), START)


def live(open_orders: int) -> LiveDecision:
    return LiveDecision(ORDER, WALLET, None, open_orders, MARKETS[BTC], START)


def test_live_wallet_may_have_as_many_open_orders_as_the_limit() -> None:
    live(LIMIT - 1).check()
    with pytest.raises(RateLimitExceededError):
        live(LIMIT).check()


def test_paper_and_live_wallets_are_refused_at_the_same_limit_in_the_same_words() -> None:
    harness = EngineHarness("100000000")
    for _ in range(LIMIT):
        harness.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(RateLimitExceededError) as paper:
        harness.place("buy", "limit", "0.01", price="40000")
    with pytest.raises(RateLimitExceededError) as at_venue:
        live(LIMIT).check()

    assert (paper.value.detail, paper.value.members) == (at_venue.value.detail, at_venue.value.members)
