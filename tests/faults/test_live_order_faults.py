"""Live orders under concurrency, lost responses and killed senders. TEST_SEED repeats what the venue does."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.risk.limits import RiskLimits
from tests.conftest import Database
from tests.soak import venue_orders
from tests.support.killable_process import prepared
from tests.support.live_traders import LiveSite, make_wallet, send_all_at_once
from tests.support.venues.binance import FakeBinance

D = Decimal
PROCESSES, EACH = 3, 5
LIMITS = RiskLimits(D(1000), D(1000), 5, daily_loss_limit_usd=D(500))


@pytest.fixture
def site(venue_of_traders: FakeBinance, seeded: Database, mongo_url: str) -> LiveSite:
    """A wallet called ``mine`` with an exposure limit of 1,000 USD."""
    made = LiveSite(mongo_url, seeded.name, secrets.token_bytes(32))
    asyncio.run(make_wallet(made, "mine", venue_of_traders.credentials(), LIMITS, D(10000)))
    return made


def at_once(site: LiveSite, *orders: list[OrderRequest]) -> Counter[str]:
    """Send each list from its own process, all at the same time, and count the outcomes."""
    barrier, pipes, processes = prepared.Barrier(len(orders)), [], []
    for chosen in orders:
        ours, theirs = prepared.Pipe(duplex=False)
        process = prepared.Process(target=send_all_at_once, args=(site, "mine", chosen, barrier, theirs), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    found = Counter(outcome for pipe in pipes for outcome in pipe.recv())
    for process in processes:
        process.join(10)
    return found


def buy_order(kind: OrderType, price: str | None, name: str | None = None) -> OrderRequest:
    return OrderRequest(
        "BTC/USDT", OrderSide.BUY, kind, D("0.0025"), price=None if price is None else D(price), client_order_id=name
    )


def test_concurrent_orders_reach_but_never_exceed_a_limit(site: LiveSite, venue_of_traders: FakeBinance) -> None:
    resting = buy_order(OrderType.LIMIT, "40000")
    found = at_once(site, *([resting] * EACH for _ in range(PROCESSES)))

    # Each counts 0.0025 x 50,000 = 125 USD: eight are 1,000.
    assert found == {"open": 8, "RISK_LIMIT_EXCEEDED": PROCESSES * EACH - 8}
    assert len(_orders(venue_of_traders)) == 8


def test_concurrently_filled_buys_never_exceed_a_limit(site: LiveSite, venue_of_traders: FakeBinance) -> None:
    found = at_once(site, *([buy_order(OrderType.MARKET, None)] * EACH for _ in range(PROCESSES)))

    # One may count twice for a moment, so fewer than eight may pass, never more.
    assert 1 <= found["filled"] <= 8
    assert found["filled"] + found["RISK_LIMIT_EXCEEDED"] == PROCESSES * EACH
    assert sum(order.filled for order in _orders(venue_of_traders)) * 50_000 <= 1000


def test_concurrent_repeats_of_a_request_place_one_order(site: LiveSite, venue_of_traders: FakeBinance) -> None:
    found = at_once(site, *([buy_order(OrderType.LIMIT, "40000", "same")] * EACH for _ in range(PROCESSES)))

    assert found.keys() <= {"open", "pending"}
    assert len(_orders(venue_of_traders)) == 1


def test_every_intent_matches_one_venue_order_or_none_under_faults(mongo_url: str, seed: int) -> None:
    counted: dict[str, Any] = dict(venue_orders.run(60, seed, mongo_url))

    assert sum(times for name, times in counted.items() if name.startswith("harmed")) > 5


def _orders(venue: FakeBinance) -> list[Any]:
    return [order for account in venue.exchange.accounts.values() for order in account.orders.values()]
