"""Thirty execution environments place an order of one live wallet at once.

Each order is two entries of the journal of the wallet. All sixty compete for its numbers.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.services.orders.live.execution import LiveExecution
from tests.conftest import Database, Run
from tests.support.live_traders import LiveSite, make_wallet
from tests.support.venues.binance import FakeBinance

WALLET: Final = "busy"
WRITERS: Final = 30
ORDER: Final = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=Decimal(40000))


async def place(site: LiveSite, together: asyncio.Barrier) -> str:
    """Place an order from an environment of its own. Return its status, or the code of the error."""
    database, connector = site.open()
    placing = site.placing(database, connector)
    account = await connector.open_live((await placing.read_state(WALLET, None)).state.wallet)
    await account.market(ORDER.symbol)
    await together.wait()
    try:
        placed = await LiveExecution(account, placing, await placing.read_state(WALLET, None)).place(ORDER)
    except WalletError as error:
        return error.code
    finally:
        await connector.close()
        await database.client.close()
    return placed.status.value


def test_orders_that_are_placed_at_once_are_all_stored_with_their_outcome(
    venue_of_traders: FakeBinance, database: Database, mongo_url: str, run: Run
) -> None:
    site = LiveSite(mongo_url, database.name, secrets.token_bytes(32))

    async def place_all() -> list[str]:
        together = asyncio.Barrier(WRITERS)
        return await asyncio.gather(*(place(site, together) for _ in range(WRITERS)))

    run(make_wallet(site, WALLET, venue_of_traders.credentials(balances={"USDT": "100000"})))
    outcomes = run(place_all())

    assert Counter(outcomes) == {"open": WRITERS}
    assert Counter(order["status"] for order in run(database.orders.find().to_list())) == {"open": WRITERS}
    (account,) = venue_of_traders.exchange.accounts.values()
    assert len(account.orders) == WRITERS
