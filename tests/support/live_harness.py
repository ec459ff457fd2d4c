"""A live wallet at a fake venue, with the calls that tests make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import bootstrap, event_loop
from moniqo_core.domain.clock import utc_now
from moniqo_core.services.orders.live.scheduled_reconciliation import OrderReconciliation, ReconciliationReport
from moniqo_core.venues import connection as venue_connection
from tests.conftest import Database
from tests.support.lambdas import TRADER, Answer, Invoke, User
from tests.support.recorded_venues import restart
from tests.support.venues.binance import FakeBinance
from tests.support.venues.exchange import Order
from tests.support.venues.server import FakeVenue
from tests.support.wallets import LIMITS, create

BINANCE = "binance-spot-v1"
BUY = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "amount": "0.001", "price": "40000"}


@dataclass
class LiveHarness:
    """One live wallet and its venue."""

    venue: FakeVenue
    invoke: Invoke
    database: Database
    wallet: str
    user: User = TRADER

    @property
    def path(self) -> str:
        return f"/wallets/{self.wallet}"

    def place(self, headers: dict[str, str] | None = None, **order: Any) -> Answer:
        """Place an order, by default a small resting purchase. A field of None is left out."""
        body = {name: value for name, value in (BUY | order).items() if value is not None}
        return self.invoke("place_order", "POST", f"{self.path}/orders", user=self.user, body=body, headers=headers)

    def order(self, order_id: str) -> dict[str, Any]:
        answer = self.invoke("get_order", "GET", f"{self.path}/orders/{order_id}", user=self.user)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def cancel(self, order_id: str) -> Answer:
        return self.invoke("cancel_order", "DELETE", f"{self.path}/orders/{order_id}", user=self.user)

    def at_venue(self) -> list[Order]:
        """Every order that the venue ever accepted."""
        return [order for account in self.venue.exchange.accounts.values() for order in account.orders.values()]

    def sync(self) -> None:
        """Write a first snapshot, from which losses are measured."""
        answer = self.invoke("sync_balance", "POST", f"{self.path}/sync-balance", user=self.user)
        assert answer.json["success"], answer.text

    def limit(self, **limits: Any) -> None:
        answer = self.invoke("update_wallet", "PATCH", self.path, user=self.user, body={"risk_limits": limits})
        assert answer.status == 200, answer.text

    def price(self, symbol: str, price: str) -> None:
        """Change a price without a trade. The service sees it at once if the deployment caches no prices."""
        self.venue.exchange.prices[symbol] = Decimal(price)

    def pause_market(self, status: str) -> None:
        """Let the venue pause BTC/USDT, and the service see it as a new execution environment does."""

        def change(shown: Any) -> None:
            for row in shown["symbols"]:
                if row["symbol"] == "BTCUSDT":
                    row["status"] = status

        self.venue.rewrite("/exchangeInfo", change)
        event_loop.run(self.database.venue_markets.delete_many({}))
        restart()

    def reconcile(self, *, later: timedelta = timedelta()) -> ReconciliationReport:
        """Reconcile as the scheduled function does, with the clock moved ahead by ``later``."""

        def clock() -> datetime:
            return utc_now() + later

        return event_loop.run(OrderReconciliation(bootstrap.database(), bootstrap.wallets(), clock).reconcile())


@contextmanager
def live_deployment(
    patch: pytest.MonkeyPatch, fake: FakeVenue | None = None, slug: str = BINANCE, *, keeps_prices: bool = True
) -> Iterator[FakeVenue]:
    """Turn on live trading with a venue on this machine, by default a fake Binance.

    With ``keeps_prices`` off, mid prices are read from the venue whenever they are needed.
    """
    if not keeps_prices:
        patch.setattr(venue_connection, "PRICES_MAX_AGE_SECONDS", 0.0)
    patch.setenv("LOOPBACK_VENUES", "true")
    patch.setenv("LIVE_TRADING", "true")
    bootstrap.settings.cache_clear()
    with fake or FakeBinance() as venue:
        config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
        done = event_loop.run(
            bootstrap.database().wallets.update_one({"slug": slug}, {"$set": {"api_config": config, "is_active": True}})
        )
        assert done.modified_count == 1
        yield venue


def connect_live_wallet(
    venue: FakeVenue, invoke: Invoke, database: Database, slug: str = BINANCE, **account: Any
) -> LiveHarness:
    """Connect a wallet, by default with 10,000 USDT, and sync it once."""
    wallet = create(invoke, wallet_id=slug, credentials=venue.credentials(**account), risk_limits=LIMITS)
    harness = LiveHarness(venue, invoke, database, wallet["id"])
    harness.sync()
    return harness


@pytest.fixture(name="harness")
def wallet_with_orders(
    aws: None, seeded: Database, environment: pytest.MonkeyPatch, invoke: Invoke
) -> Iterator[LiveHarness]:
    """A wallet that holds 0.0999 BTC, with a resting buy order (``o-2-1``) and a resting sell order (``o-3-1``)."""
    with live_deployment(environment, keeps_prices=False) as venue:
        made = connect_live_wallet(venue, invoke, seeded)
        made.limit(max_position_size_usd=6000, max_total_exposure_usd=6000)
        assert made.place(type="market", price=None, amount="0.1").status == 201
        assert made.place(price="30000").status == 201
        assert made.place(side="sell", price="90000", amount="0.05").status == 201
        yield made
