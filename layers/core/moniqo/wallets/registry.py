"""From a user's wallet to the object that trades it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.definition import FeedKind
from moniqo.domain.market import PriceFeed
from moniqo.markets.simulated import SimulatedFeed
from moniqo.storage.demo_ledger import DemoLedger, Loaded
from moniqo.storage.deployment import simulation_seed
from moniqo.wallets.base import BaseWallet
from moniqo.wallets.demo import DemoWallet

if TYPE_CHECKING:
    from moniqo.domain.definition import Definition
    from moniqo.domain.user_wallet import UserWallet

WALLET_TYPES: Mapping[str, type[BaseWallet]] = {}
"""Wallet class by definition slug: a venue is added here. What a definition simulates is a demo wallet by itself."""


class WalletConnector:
    """Opens wallets of one deployment; its price feed is shared by them."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], clock: Clock = utc_now) -> None:
        """Use ``database``; the feed is made when it is first needed."""
        self._database = database
        self._ledger = DemoLedger(database)
        self._clock = clock
        self._feed: PriceFeed | None = None

    async def feed(self) -> PriceFeed:
        """The simulated market of this deployment; its seed is read once."""
        if self._feed is None:
            self._feed = SimulatedFeed(await simulation_seed(self._database), self._clock)
        return self._feed

    async def connect(self, owner: str, user_wallet_id: str) -> DemoWallet:
        """Open a wallet of ``owner`` in one round trip; raises NotFoundError."""
        wallet = await self._demo("", user_wallet_id, owner, None)
        await wallet.initialize()
        return wallet

    async def connect_many(self, wallets: Sequence[UserWallet]) -> dict[str, BaseWallet]:
        """Get many wallets ready in one round trip; one that cannot be opened is missing from the answer.

        One that was deleted says so when it is initialised.
        """
        loaded = await self._ledger.load_many([wallet.id for wallet in wallets if wallet.is_demo])
        connected: dict[str, BaseWallet] = {}
        for wallet in wallets:
            found = loaded.get(wallet.id)
            if found is not None:
                connected[wallet.id] = await self._demo(wallet.wallet_id, wallet.id, wallet.user_id, found)
        return connected

    async def connect_accounts(self, user_wallet_ids: Sequence[str]) -> list[DemoWallet]:
        """Open demo wallets whoever owns them, in one round trip; deleted ones and strangers are missing."""
        loaded = await self._ledger.load_many(user_wallet_ids)
        found = ((name, entry) for name, entry in loaded.items() if not entry.account.deleted)
        return [await self._demo("", name, entry.account.terms.user_id, entry) for name, entry in found]

    async def new_demo(self, user_wallet_id: str) -> DemoWallet:
        """Make a demo wallet that has no account yet."""
        return DemoWallet("", user_wallet_id, {}, await self._config())

    async def _demo(self, wallet_id: str, user_wallet_id: str, owner: str, loaded: Loaded | None) -> DemoWallet:
        return DemoWallet(wallet_id, user_wallet_id, {}, {**await self._config(), "owner": owner, "loaded": loaded})

    async def _config(self) -> dict[str, object]:
        """What every wallet of this deployment shares."""
        return {"db": self._database, "ledger": self._ledger, "feed": await self.feed(), "clock": self._clock}

    async def candidate(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> BaseWallet | None:
        """Make a wallet that is not stored yet, to open or test it; None when this build cannot trade the venue."""
        kind = _wallet_type(definition)
        if kind is None:
            return None
        return kind(definition.id, user_wallet_id, credentials, await self._config())


def _wallet_type(definition: Definition) -> type[BaseWallet] | None:
    simulation = definition.simulation
    if simulation is not None:
        return DemoWallet if simulation.feed is FeedKind.SIMULATED else None
    return WALLET_TYPES.get(definition.slug)
