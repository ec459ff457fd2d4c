"""The clients of the wire soak: processes that trade until they are killed."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from multiprocessing.connection import Connection
from typing import NamedTuple

from pymongo.errors import PyMongoError

from moniqo_core.domain.errors import NotFoundError, TemporarilyUnavailableError, WalletError
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.client import connect, is_outage
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet
from tests.support.mongo import failed_inside
from tests.support.traders import OWNER

SHARED = "shared"
NAMED_SHARE = 0.7
CANCEL_EVERY = 5
_SIZE = Decimal("0.01")


@dataclass(frozen=True)
class Duty:
    """The work of one client process: place the orders of ``slot`` from number ``first`` on, until it is killed."""

    url: str
    database: str
    seed: int
    slot: int
    first: int


class Asked(NamedTuple):
    """An order is about to be sent."""

    number: int


class Answered(NamedTuple):
    """The outcome of an order: accepted, unknown, or the code of a refusal.

    ``tries`` counts the requests that this process sent for it.
    """

    number: int
    outcome: str
    tries: int
    order_id: str = ""
    filled_quote: str = ""
    fee: str = ""


def wallet_of(seed: int, slot: int, number: int) -> str:
    """Return the wallet of an order: alternately the shared wallet and the client's own."""
    return SHARED if _chance(seed, slot, number).random() < 0.5 else f"own-{slot}"


def order_of(seed: int, slot: int, number: int) -> OrderRequest:
    """Order ``number`` of a client, the same whichever process sends it. Most carry a client order id."""
    chance = _chance(seed, slot, number)
    chance.random()  # the wallet's
    name = f"{slot}-{number}"
    side = chance.choice((OrderSide.BUY, OrderSide.SELL))
    resting = chance.random() < 0.25
    price = Decimal(chance.randrange(4_300_000, 5_700_000)).scaleb(-2) if resting else None
    return OrderRequest(
        "BTC/USDT",
        side,
        OrderType.LIMIT if resting else OrderType.MARKET,
        _SIZE,
        price=price,
        client_order_id=name if chance.random() < NAMED_SHARE else None,
        metadata={"name": name},
    )


def _chance(seed: int, slot: int, number: int) -> random.Random:
    return random.Random(f"{seed}/{slot}/{number}")


def trade(duty: Duty, reports: Connection) -> None:
    """Place order after order and report each, before and after, until the process is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_trade(duty, reports))


async def _trade(duty: Duty, reports: Connection) -> None:
    connector = WalletConnector(connect(duty.url, duty.database))
    for number in count(duty.first):
        wallet, order = wallet_of(duty.seed, duty.slot, number), order_of(duty.seed, duty.slot, number)
        reports.send(Asked(number))
        reports.send(await _ask(connector, wallet, order, number))
        if number % CANCEL_EVERY == 0:
            await _cancel_oldest(connector, wallet)


async def _ask(connector: WalletConnector, wallet: str, order: OrderRequest, number: int) -> Answered:
    """Send an order until there is a response. Without a client order id, send it only once."""
    for tries in count(1):
        try:
            opened: DemoWallet = await connector.connect_demo(OWNER, wallet)
            record = await opened.orders.submit(order)
        except (TemporarilyUnavailableError, PyMongoError) as error:
            if isinstance(error, PyMongoError) and not is_interrupted(error):
                raise
            if order.client_order_id is None:
                return Answered(number, "unknown", tries)
            await asyncio.sleep(0.05)
        except NotFoundError:
            raise
        except WalletError as error:
            return Answered(number, error.code, tries)
        else:
            return Answered(number, "accepted", tries, record.order_id, plain(record.filled_quote), plain(record.fee))
    raise AssertionError


async def _cancel_oldest(connector: WalletConnector, wallet: str) -> None:
    try:
        opened = await connector.connect_demo(OWNER, wallet)
        for order_id in list(opened.account.orders)[:2]:
            await opened.orders.cancel(order_id)
    except WalletError:
        return  # it was filled or cancelled meanwhile, or the database is away
    except PyMongoError as error:
        if not is_interrupted(error):
            raise


def is_interrupted(error: PyMongoError) -> bool:
    """Return whether the outcome of a call is unknown, because of an outage or a fault of the embedded server."""
    return is_outage(error) or failed_inside(error)


def names(slots: int) -> Iterator[str]:
    """Yield every wallet of a run."""
    yield SHARED
    yield from (f"own-{slot}" for slot in range(slots))
