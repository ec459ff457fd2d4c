"""Processes that trade as Lambda environments do, and the wallet they share."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.errors import InsufficientBalanceError
from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.client import connect
from moniqo_core.wallets.connector import WalletConnector

OWNER = "11111111-1111-4111-8111-111111111111"
STILL = datetime(2026, 2, 1, 12, 0, 5, tzinfo=UTC)
"""The time at which these tests stop the market's clock, so that equal orders meet the same book."""

Placed = tuple[str, bool, str, str]
"""Order id, whether the answer was to a repeat, exchanged quote amount, fee."""


def still_clock() -> datetime:
    """Return always the same time."""
    return STILL


@dataclass(frozen=True)
class Site:
    """Where to trade."""

    mongo_url: str
    database: str
    user_wallet_id: str

    def connector(self) -> WalletConnector:
        """Open wallets with connections of this process, at the moment the market stands still."""
        return connector_of(self.connect())

    def connect(self) -> AsyncDatabase[dict[str, Any]]:
        """Connect this process to the database."""
        return connect(self.mongo_url, self.database)


def connector_of(database: AsyncDatabase[dict[str, Any]]) -> WalletConnector:
    """Open the wallets of a database, at the moment the market stands still."""
    return WalletConnector(database, still_clock)


async def open_wallet(connector: WalletConnector, user_wallet_id: str, cash: Decimal) -> None:
    """Open an account without risk limits that holds ``cash``, with fees of 0.1%."""
    wallet = await connector.new_demo(user_wallet_id, SIMULATED)
    fee = Decimal("0.1")
    await wallet.open_account(AccountTerms(OWNER, cash, "USDT", fee, fee, Decimal(5)))


def market_order(client_order_id: str | None = None, **metadata: object) -> OrderRequest:
    """Return the order that every client sends: a buy order of 0.01 BTC at market."""
    amount = Decimal("0.01")
    return OrderRequest(
        "BTC/USDT", OrderSide.BUY, OrderType.MARKET, amount, client_order_id=client_order_id, metadata=metadata
    )


async def send(connector: WalletConnector, user_wallet_id: str, order: OrderRequest) -> Placed:
    """Place an order as a request does: open the wallet, decide, commit."""
    wallet = await connector.connect_demo(OWNER, user_wallet_id)
    record = await wallet.orders.submit(order)
    return record.order_id, record.replayed, plain(record.filled_quote), plain(record.fee)


def send_many(site: Site, count: int, barrier: Any, results: Connection) -> None:
    """Send ``count`` orders one after the other and report the accepted ones and the number refused."""

    async def work() -> tuple[list[Placed], int]:
        connector = site.connector()
        await connector.feed()
        barrier.wait()
        accepted, refused = [], 0
        for _ in range(count):
            try:
                accepted.append(await send(connector, site.user_wallet_id, market_order()))
            except InsufficientBalanceError:
                refused += 1
        return accepted, refused

    results.send(asyncio.run(work()))


def repeat(site: Site, count: int, client_order_id: str, barrier: Any, results: Connection) -> None:
    """Send the same order ``count`` times at once and report every answer."""

    async def work() -> Sequence[Placed]:
        connector = site.connector()
        await connector.feed()
        barrier.wait()
        order = market_order(client_order_id)
        return await asyncio.gather(*(send(connector, site.user_wallet_id, order) for _ in range(count)))

    results.send(asyncio.run(work()))


def trade_until_killed(site: Site, results: Connection) -> None:
    """Send orders and report each acknowledged one, until the process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def work() -> None:
        connector = site.connector()
        while True:
            order_id, _, _, _ = await send(connector, site.user_wallet_id, market_order())
            results.send(order_id)

    asyncio.run(work())
