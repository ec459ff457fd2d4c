"""A purchase of a live wallet is killed at each of its awaits in turn. The next reader finds one truth each time."""

from __future__ import annotations

import asyncio
import secrets
import signal
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.live.client_id import venue_client_id
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.services.orders.live.execution import LiveExecution
from moniqo_core.services.orders.live.scheduled_reconciliation import OrderReconciliation
from moniqo_core.storage.live.journal.verification import LiveJournals
from tests.conftest import Database, Run
from tests.support.killable_process import prepared
from tests.support.live_traders import OWNER, LiveSite, make_wallet, place_until_killed
from tests.support.venues.binance import FakeBinance

WALLET = "mine"
AFTER = {(0, 0): (False, OrderStatus.FILLED), (1, 0): (True, OrderStatus.REJECTED), (1, 1): (True, OrderStatus.FILLED)}
"""Whether a repeat finds an order, and its status, by the numbers of intents and of venue orders after a kill."""


@pytest.fixture
def site(venue_of_traders: FakeBinance, seeded: Database, mongo_url: str) -> LiveSite:
    made = LiveSite(mongo_url, seeded.name, secrets.token_bytes(32))
    asyncio.run(make_wallet(made, WALLET, venue_of_traders.credentials()))
    return made


def purchase(at: int) -> OrderRequest:
    name = f"killed-at-{at}"
    return OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET, Decimal("0.001"), client_order_id=name)


def at_venue(venue: FakeBinance, order: OrderRequest) -> int:
    """Return how often the venue has an order."""
    wanted = venue_client_id(WALLET, order.client_order_id)
    every = [each for account in venue.exchange.accounts.values() for each in account.orders.values()]
    return sum(each.client_id == wanted for each in every)


def in_minutes(minutes: int) -> Clock:
    def clock() -> datetime:
        return utc_now() + timedelta(minutes=minutes)

    return clock


async def settle_and_repeat(site: LiveSite, order: OrderRequest) -> tuple[bool, OrderStatus]:
    """Find out what became of an order, and repeat it. Return whether it was there, and its status."""
    database, connector = site.open()
    for minutes in (5, 10, 15, 20):
        await OrderReconciliation(database, connector, in_minutes(minutes)).reconcile()
    execution = LiveExecution(await connector.connect_live(OWNER, WALLET), site.placing(database, connector))
    record = await execution.place(order)
    await connector.close()
    await database.client.close()
    return record.replayed, record.status


def test_purchase_that_is_killed_anywhere_leaves_one_truth(
    site: LiveSite, venue_of_traders: FakeBinance, seeded: Database, run: Run
) -> None:
    journals = LiveJournals(seeded)
    seen = set()
    for at in count():
        order = purchase(at)
        process = prepared.Process(target=place_until_killed, args=(site, WALLET, order, at))
        process.start()
        process.join(30)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, at

        found = run(journals.run(WALLET))
        assert found is None or found.difference is None, (at, found.difference)
        intended = run(seeded.orders.count_documents({"client_order_id": order.client_order_id}))
        left = intended, at_venue(venue_of_traders, order)
        seen.add(left)
        assert asyncio.run(settle_and_repeat(site, order)) == AFTER[left], at
        assert at_venue(venue_of_traders, order) == (1 if AFTER[left][1] is OrderStatus.FILLED else 0), at
        found = run(journals.run(WALLET))
        assert found is not None
        assert found.difference is None, at

    assert seen == AFTER.keys()
