"""Nothing reaches the venue after a pause, a suspension or a change of limits of a live wallet was answered.

``RACES=1000 RACE_LATENCY=1.2`` runs the long version, and ``RACE_SEED`` chooses the moments of another one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest

from moniqo_core import bootstrap, event_loop
from moniqo_core.bootstrap.order_services import order_opener
from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.services.wallets.requests import Pause, WalletChange
from moniqo_core.storage.live.live_trading_switch import LiveTradingSwitch, set_live_trading_switch
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.wallets.earlier_intents import wait_for_earlier_intents
from tests.conftest import Database, Run
from tests.support.lambdas import TRADER, Invoke
from tests.support.live_harness import LiveHarness, connect_live_wallet, live_deployment
from tests.support.venues.exchange import Account
from tests.support.wallets import aws

__all__ = ["aws"]

RACES: Final = int(os.environ.get("RACES", "40"))
LATENCY: Final = float(os.environ.get("RACE_LATENCY", "0.4"))
SEED: Final = int(os.environ.get("RACE_SEED", "20261130"))
AT_ONCE: Final = 8
"""More would wait for a connection to the database, of which an execution environment has eight."""
KINDS: Final = ("pause", "suspend", "limits")
ORDER: Final = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=Decimal(40000))


@pytest.fixture
def wallets(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke
) -> Iterator[list[tuple[LiveHarness, Account]]]:
    with live_deployment(environment) as venue:
        made = []
        for _ in range(min(AT_ONCE, RACES)):
            harness = connect_live_wallet(venue, invoke, seeded)
            made.append((harness, list(venue.exchange.accounts.values())[-1]))
        yield made


async def place(wallet: str) -> None:
    execution = await order_opener().open_to_trade(TRADER.id, wallet, None)
    with suppress(WalletError):
        await execution.place(ORDER)


async def pause(wallet: str) -> None:
    await bootstrap.wallet_lifecycle().pause(
        TRADER.id, wallet, Pause("a look", keep_orders=True), bootstrap.buy_cancellation()
    )


async def stop(wallet: str, kind: str) -> None:
    if kind == "pause":
        await pause(wallet)
    elif kind == "suspend":
        await bootstrap.wallet_lifecycle().suspend(wallet, "a look")
    else:
        change = WalletChange(limits={"blocked_symbols": (ORDER.symbol,)})
        await bootstrap.wallet_changes().update(TRADER.id, wallet, change)


async def race(wallet: str, account: Account, kind: str, wait: float) -> tuple[int, int]:
    """Return how many orders the venue had when the change was answered, and in the end."""
    orders = [asyncio.create_task(place(wallet)) for _ in range(2)]
    await asyncio.sleep(wait)
    await stop(wallet, kind)
    answered = len(account.orders)
    await place(wallet)
    await asyncio.gather(*orders)
    return answered, len(account.orders)


def test_no_order_reaches_the_venue_after_a_change_was_answered(
    wallets: list[tuple[LiveHarness, Account]], run: Run
) -> None:
    rng = Random(SEED)
    (first, _), late, reached = wallets[0], 0, 0
    (stored,) = run(first.database.user_wallets.find({"_id": first.wallet}).to_list())
    for begin in range(0, RACES, AT_ONCE):
        first.venue.latency = LATENCY

        async def batch(size: int) -> list[tuple[int, int]]:
            return await asyncio.gather(
                *(
                    race(harness.wallet, account, rng.choice(KINDS), rng.uniform(0, 4 * LATENCY))
                    for harness, account in wallets[:size]
                )
            )

        for answered, found in event_loop.run(batch(min(AT_ONCE, RACES - begin))):
            late += found - answered
            reached += answered
        first.venue.latency = 0
        again = {
            "status": "active",
            "status_before_suspension": None,
            "pause_level": None,
            "risk_limits": stored["risk_limits"],
        }
        run(first.database.user_wallets.update_many({}, {"$set": again}))
        run(first.database.orders.delete_many({}))
        for _, account in wallets:
            account.orders.clear()
            account.by_client.clear()

    assert (late, reached > 0) == (0, True)


def test_switch_is_answered_when_nothing_is_being_sent(wallets: list[tuple[LiveHarness, Account]]) -> None:
    (harness, account), *_ = wallets
    harness.venue.latency = LATENCY

    async def switched() -> tuple[int, int]:
        database = bootstrap.database()
        order = asyncio.create_task(place(harness.wallet))
        while not harness.venue.calls("/order", "POST"):  # noqa: ASYNC110  only the venue knows
            await asyncio.sleep(0.01)
        await set_live_trading_switch(database, LiveTradingSwitch(stopped=True, since=utc_now()))
        await wait_for_earlier_intents(LiveOrderStore(database), utc_now)
        answered = len(account.orders)
        await order
        return answered, len(account.orders)

    assert event_loop.run(switched()) == (1, 1)


def test_pause_waits_for_no_intent_whose_time_has_passed(wallets: list[tuple[LiveHarness, Account]], run: Run) -> None:
    """Its sender died, so it will never have an outcome."""
    (harness, _), *_ = wallets
    assert harness.place().status == 201
    dead = {"status": "pending", "created_at": utc_now() - timedelta(seconds=10.5)}
    run(harness.database.orders.update_one({}, {"$set": dead}))

    answer = harness.invoke("pause_wallet", "POST", f"{harness.path}/pause", user=TRADER, body={})

    assert (answer.status, answer.json["status"]) == (200, "paused")


def test_intent_that_was_decided_before_a_pause_is_not_written_after_it(
    wallets: list[tuple[LiveHarness, Account]], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (harness, account), *_ = wallets
    insert = LiveOrderStore.insert

    async def late(store: LiveOrderStore, *given: Any) -> object:
        await pause(harness.wallet)
        return await insert(store, *given)

    monkeypatch.setattr(LiveOrderStore, "insert", late)
    refused = harness.place()

    assert (refused.status, refused.json["code"]) == (409, "WALLET_PAUSED")
    assert account.orders == {}
    assert run(harness.database.orders.count_documents({})) == 0


def test_intent_that_is_written_after_a_pause_of_the_release_before_is_not_sent(
    wallets: list[tuple[LiveHarness, Account]], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """That release pauses a wallet without an entry in its journal."""
    (harness, account), *_ = wallets
    insert = LiveOrderStore.insert

    async def late(store: LiveOrderStore, *given: Any) -> object:
        paused = {"status": "paused", "pause_level": "full"}
        await harness.database.user_wallets.update_one({"_id": harness.wallet}, {"$set": paused})
        return await insert(store, *given)

    monkeypatch.setattr(LiveOrderStore, "insert", late)
    refused = harness.place()

    assert (refused.status, refused.json["code"]) == (409, "WALLET_PAUSED")
    assert account.orders == {}
    (order,) = run(harness.database.orders.find().to_list())
    assert (order["status"], order["reason"]) == ("rejected", "not_sent")
