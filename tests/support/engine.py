"""Demo wallets behind the real handlers, with a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.conftest import Database, Run
from tests.support.lambdas import TRADER, Answer, Invoke, User
from tests.support.wallets import new_wallet

WIDE = {
    "max_position_size_usd": 10**9,
    "max_total_exposure_usd": 10**9,
    "max_open_positions": 100,
    "daily_loss_limit_usd": 10**9,
}
NOON = datetime(2026, 3, 2, 17, 0, 5, tzinfo=UTC)
"""A Monday, noon in New York: markets are open."""


class Clock:
    """The clock of the wallets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Engine:
    """One trader with wallets on the simulated market."""

    invoke: Invoke
    clock: Clock
    run: Run
    user: User = TRADER

    def create(self, **fields: object) -> str:
        body = new_wallet(**{"risk_limits": WIDE, "credentials": {"initial_balance_usd": "100000"}} | fields)
        made = self.invoke("create_wallet", "POST", "/wallets", user=self.user, body=body)
        assert made.status == 201, made.text
        return str(made.json["id"])

    def get(self, function: str, wallet: str, path: str, **query: object) -> Any:
        answer = self.ask(function, "GET", wallet, path, query=query)
        assert answer.status == 200, answer.text
        return answer.json

    def ask(self, function: str, method: str, wallet: str, path: str, **given: Any) -> Answer:
        return self.invoke(function, method, f"/wallets/{wallet}{path}", user=self.user, **given)

    def place(self, wallet: str, **fields: object) -> dict[str, Any]:
        answer = self.try_to_place(wallet, **fields)
        assert answer.status in {200, 201}, answer.text
        order: dict[str, Any] = answer.json
        return order

    def try_to_place(self, wallet: str, **fields: object) -> Answer:
        body = {"symbol": "BTC/USDT", "side": "buy", "type": "market"} | fields
        return self.ask("place_order", "POST", wallet, "/orders", body=body)

    def order(self, wallet: str, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self.get("get_order", wallet, f"/orders/{order_id}")
        return order

    def replay(self, *wallets: str) -> None:
        """Replay these wallets and check that the journal agrees."""

        async def decide_again() -> None:
            database = bootstrap.database()
            replay = WalletReplay(database, await simulation_seed(database))
            for wallet in wallets:
                found = await replay.run(wallet)
                assert found is not None
                assert found.difference is None, found.difference

        self.run(decide_again())

    def price(self, symbol: str = "BTC/USDT") -> Decimal:
        async def look() -> Decimal:
            feed = await bootstrap.wallets().feed()
            return (await feed.mids([symbol]))[symbol]

        return self.run(look())

    def away(self, share: str, symbol: str = "BTC/USDT") -> str:
        """Return the present price moved by this share, rounded to a cent."""
        return str((self.price(symbol) * (1 + Decimal(share))).quantize(Decimal("0.01")))


@pytest.fixture
def clock(environment: pytest.MonkeyPatch, database: Database) -> Clock:
    """The clock of every wallet the handlers open."""
    moved = Clock()
    connector = WalletConnector(database, moved)
    environment.setattr(bootstrap, "wallets", cache(lambda: connector))
    return moved


@pytest.fixture
def engine(clock: Clock, invoke: Invoke, run: Run) -> Engine:
    """A trader at the time of ``clock``."""
    return Engine(invoke, clock, run)
