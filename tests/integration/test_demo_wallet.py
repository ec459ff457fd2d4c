"""The demo wallet on a real MongoDB connection, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import WriteTurn
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.conftest import Database, Run

D = Decimal
LIMITS = RiskLimits(D(10**6), D(10**6), 10, daily_loss_limit_usd=D(1000))


def test_new_local_day_starts_for_a_wallet_without_holdings(database: Database, run: Run) -> None:
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


def test_simultaneous_resets_with_one_key_reset_once(database: Database, run: Run) -> None:
    async def work() -> None:
        await DemoWallet("demo", "w", {}, {"db": database}).initialize()
        wallets = [DemoWallet("demo", "w", {}, {"db": database}) for _ in range(4)]
        for wallet in wallets:
            await wallet.initialize()
        assert sorted(await asyncio.gather(*(wallet.reset(ResetAccount(key="k"), {}) for wallet in wallets))) == [
            *([False] * 3), True,
        ]  # fmt: skip
        state = await database.demo_wallet_state.find_one({"_id": "w"})
        assert state is not None
        assert state["epoch"] == 2

    run(work())


def test_turn_of_a_dead_writer_expires_and_the_next_commit_clears_it(database: Database, run: Run) -> None:
    wallet = DemoWallet("demo", "w", {}, {"db": database})

    async def work() -> None:
        await wallet.initialize()
        turn = ["a writer that died", datetime.now(UTC) + timedelta(milliseconds=200)]
        await database.demo_wallet_state.update_one({"_id": "w"}, {"$set": {"turn": turn}})
        async with DemoWallet("demo", "w", {}, {"db": database}) as next_writer:
            await next_writer.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, D("0.1"))
            state = await database.demo_wallet_state.find_one({"_id": "w"})
            assert state is not None
            assert state["seq"] == 2
            assert "turn" not in state

    run(work())


def test_turn_belongs_to_one_writer_at_a_time(database: Database, run: Run) -> None:
    wallet = DemoWallet("demo", "w", {}, {"db": database})
    ledger = DemoJournal(database)
    now = datetime.now(UTC).replace(microsecond=0)

    async def holder(turn: WriteTurn, at: datetime) -> str | None:
        await ledger.claim_turn("w", turn, at)
        loaded = await ledger.load("w", None)
        return loaded.turn.holder if loaded and loaded.turn else None

    async def work() -> None:
        async with wallet:
            until = now + timedelta(seconds=1)
            assert await holder(WriteTurn("first", until), now) == "first"
            assert await holder(WriteTurn("second", until + timedelta(seconds=1)), now) == "first"
            assert await holder(WriteTurn("second", until + timedelta(seconds=1)), until) == "second"

    run(work())


def test_price_change_during_a_decision_does_not_make_the_price_stale(database: Database, run: Run) -> None:
    """The simulated price holds for 15 seconds: a price read at its end is used in the next interval."""
    moment = [datetime(2026, 3, 2, 12, tzinfo=UTC)]

    def clock() -> datetime:
        moment[0] += timedelta(milliseconds=2)
        return moment[0]

    async def work() -> None:
        async with DemoWallet("demo", "w", {}, {"db": database, "clock": clock}) as wallet:
            for before in range(1, 16, 2):
                moment[0] = datetime(2026, 3, 2, 12, before, tzinfo=UTC) - timedelta(milliseconds=before)
                await wallet.place_order("BTC/USDT", OrderSide.BUY, OrderType.MARKET, D("0.001"))

    run(work())
