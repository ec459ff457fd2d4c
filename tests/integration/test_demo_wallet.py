"""The demo wallet over the real protocol, on a clock the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moniqo.domain.account import AccountTerms
from moniqo.domain.command import SetStatus
from moniqo.domain.order import OrderSide, OrderType
from moniqo.domain.risk import RiskLimits
from moniqo.wallets.demo import DemoWallet
from tests.conftest import Database, Run

D = Decimal
LIMITS = RiskLimits(D(10**6), D(10**6), 10, daily_loss_limit_usd=D(1000))


def test_the_local_day_begins_anew_for_a_wallet_that_holds_nothing(database: Database, run: Run) -> None:
    moment = [datetime(2026, 3, 2, 12, tzinfo=UTC)]
    wallet = DemoWallet("demo", "w", {}, {"db": database, "owner": "o", "clock": lambda: moment[0]})

    async def work() -> None:
        fee = D("0.1")
        await wallet.open_account(AccountTerms("o", D(10000), "USDT", fee, fee, D(5), None, LIMITS))
        async with wallet:
            await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, D("0.1"))
            await wallet.place_order("BTC/USDT", OrderSide.SELL, OrderType.MARKET, D("0.1"))
            moment[0] += timedelta(days=3)
            await wallet.record(SetStatus("paused", "owner"), {})
            await wallet.record(SetStatus("active", "owner"), {})
            day = wallet.account.day
            assert day is not None
            assert day.until == datetime(2026, 3, 6, tzinfo=UTC)
            assert day.equity == wallet.account.holding("USDT").total

    run(work())
