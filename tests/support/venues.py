"""Every wallet class there is, for the suite that all of them must pass. A venue is added here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo.wallets.base import BaseWallet
from moniqo.wallets.demo import DemoWallet

Database = AsyncDatabase[dict[str, Any]]


@dataclass(frozen=True)
class Venue:
    """An account at a venue: ``wallet`` makes another object for it, not initialised.

    The account is new, holds some of ``cash`` and nothing else, and trades ``symbol`` and ``another``. ``secrets`` are
    credentials that nothing may show.
    """

    wallet: Callable[[], BaseWallet]
    user_wallet_id: str
    symbol: str = "BTC/USDT"
    another: str = "ETH/USDT"
    cash: str = "USDT"
    secrets: tuple[str, ...] = ()


def demo(database: Database) -> Venue:
    """A paper account on the simulated market."""
    user_wallet_id = str(uuid.uuid4())
    credentials = {"initial_balance_usd": "10000.25"}
    return Venue(
        lambda: DemoWallet("demo-wallet-v1", user_wallet_id, credentials, {"db": database}),
        user_wallet_id,
        secrets=("10000.25",),
    )


VENUES: Mapping[str, Callable[[Database], Venue]] = {"demo": demo}
