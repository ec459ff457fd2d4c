"""From a user's wallet to the object that trades it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import ConflictError, NotFoundError, WalletConnectionError, WalletError
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.wallets.definition import FeedKind
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.feeds.polygon import Polygon
from moniqo_core.feeds.simulated import SimulatedFeed
from moniqo_core.storage.deployment import simulation_seed
from moniqo_core.storage.paper.ledger import DemoLedger
from moniqo_core.storage.paper.snapshots import Loaded
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.user_wallets import UserWalletStore
from moniqo_core.venues.connections import VenueConnections
from moniqo_core.venues.exchanges.registry import VENUES
from moniqo_core.venues.price_feeds import VenueFeeds
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.definition_cache import KnownDefinitions
from moniqo_core.wallets.demo.wallet import DemoWallet

if TYPE_CHECKING:
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.feeds.price_source import VenueData
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet


class WalletConnector:
    """Opens wallets of one deployment; its price feed and its connections to venues are shared by them."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        clock: Clock = utc_now,
        cipher: Callable[[], CredentialCipher] | None = None,
        *,
        allow_loopback: bool = False,
        calls_from: str | None = None,
        price_venues: Sequence[str] = (),
        polygon: PolygonHttp | None = None,
    ) -> None:
        """Use ``database``; feed and connections are made when they are first needed.

        Args:
            database: Where wallets and definitions are.
            clock: The present.
            cipher: Makes what opens credentials; without it no live wallet can be asked about its account.
            allow_loopback: Whether a definition may name a venue on this machine.
            calls_from: The address venues see, where it is fixed.
            price_venues: Definitions of the venues that live demo wallets take prices of, by slug, the first preferred.
            polygon: Asks Polygon for prices of shares; None where the deployment has no key.

        """
        self._database = database
        self._ledger = DemoLedger(database)
        self._wallets = UserWalletStore(database)
        self._definitions = KnownDefinitions(DefinitionStore(database))
        self._clock = clock
        self._cipher = cipher
        self._venues = VenueConnections(database, clock, allow_loopback=allow_loopback, calls_from=calls_from)
        self._feed: PriceFeed | None = None
        self._polygon = polygon
        shares = None if polygon is None else Polygon(polygon.get, clock)
        self._venue_feeds = VenueFeeds(price_venues, self._exchange_prices, shares, database, clock)

    async def close(self) -> None:
        """Close the connections to venues."""
        await self._venues.close()
        if self._polygon is not None:
            await self._polygon.close()

    async def feed(self, name: str = SIMULATED) -> PriceFeed:
        """The simulated market of this deployment, whose seed is read once, or the live feed of a name."""
        if name != SIMULATED:
            return self._venue_feeds.named(name)
        if self._feed is None:
            self._feed = SimulatedFeed(await simulation_seed(self._database), self._clock)
        return self._feed

    async def connect(self, owner: str, user_wallet_id: str, *, with_key: bool = True) -> BaseWallet:
        """Open a wallet of ``owner``, a demo wallet in one round trip; raises NotFoundError.

        Without its key a live wallet answers only what everybody may ask of the venue, and changes of its own life.
        """
        loaded = await self._ledger.load(user_wallet_id, owner)
        if loaded is not None:
            return await self._opened(await self._demo("", user_wallet_id, owner, loaded))
        wallet = await self._wallets.get(owner, user_wallet_id)
        if wallet.is_demo:
            raise NotFoundError("There is no such wallet.")
        definition = (await self._definitions.get_many([wallet.wallet_id])).get(wallet.wallet_id)
        if definition is None:
            raise WalletConnectionError("The definition of this wallet no longer exists.")
        return await self._opened(await self._live(wallet, definition, with_key=with_key))

    async def connect_demo(self, owner: str, user_wallet_id: str) -> DemoWallet:
        """Open a demo wallet of ``owner`` in one round trip; raises NotFoundError, ConflictError for a live one."""
        wallet = await self.connect(owner, user_wallet_id, with_key=False)
        if not isinstance(wallet, DemoWallet):
            raise ConflictError(
                "Only paper wallets support this. This wallet is live.",
                hint="Use a demo wallet, or connect one with POST /wallets.",
            )
        return wallet

    async def connect_many(self, wallets: Sequence[UserWallet]) -> dict[str, BaseWallet]:
        """Get many wallets ready in two round trips; one that cannot be opened is missing from the answer.

        One that was deleted says so when it is initialised.
        """
        demo = [wallet for wallet in wallets if wallet.is_demo]
        loaded = await self._ledger.load_many([wallet.id for wallet in demo]) if demo else {}
        connected: dict[str, BaseWallet] = {}
        for wallet in demo:
            found = loaded.get(wallet.id)
            if found is not None:
                connected[wallet.id] = await self._demo(wallet.wallet_id, wallet.id, wallet.user_id, found)
        live = [wallet for wallet in wallets if not wallet.is_demo]
        definitions = await self._definitions.get_many({wallet.wallet_id for wallet in live})
        for wallet in live:
            definition = definitions.get(wallet.wallet_id)
            if definition is not None:
                with suppress(WalletConnectionError):
                    connected[wallet.id] = await self._live(wallet, definition, with_key=True)
                    # Here and now the exchange's library is imported, before the time of any one wallet runs.
                    self._venues.to(definition).client_model()
        return connected

    async def connect_accounts(self, user_wallet_ids: Sequence[str]) -> list[DemoWallet]:
        """Open demo wallets whoever owns them, in one round trip; deleted ones and strangers are missing."""
        loaded = await self._ledger.load_many(user_wallet_ids)
        found = ((name, entry) for name, entry in loaded.items() if not entry.account.deleted)
        return [await self._demo("", name, entry.account.terms.user_id, entry) for name, entry in found]

    async def new_demo(self, user_wallet_id: str, feed: str) -> DemoWallet:
        """Make a demo wallet that has no account yet; ``feed`` is what it will be opened on."""
        return DemoWallet("", user_wallet_id, {}, await self._shared(feed))

    async def candidate(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> BaseWallet | None:
        """Make a wallet that is not stored yet, to open or test it; None when this build cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        if definition.simulation is not None:
            name = self._feed_name(definition)
            if name is None:
                return None
            return DemoWallet(definition.id, user_wallet_id, credentials, await self._shared(name))
        if definition.slug not in VENUES:
            return None
        return _exchange_wallet(definition.id, user_wallet_id, credentials, self._config(definition))

    async def _opened(self, wallet: BaseWallet) -> BaseWallet:
        await wallet.initialize()
        return wallet

    async def _demo(self, wallet_id: str, user_wallet_id: str, owner: str, loaded: Loaded) -> DemoWallet:
        config = await self._shared(loaded.account.terms.feed)
        return DemoWallet(wallet_id, user_wallet_id, {}, {**config, "owner": owner, "loaded": loaded})

    async def _shared(self, feed: str) -> dict[str, object]:
        """What demo wallets on one feed share."""
        return {"db": self._database, "ledger": self._ledger, "feed": await self.feed(feed), "clock": self._clock}

    def _feed_name(self, definition: Definition) -> str | None:
        """Return the feed of accounts opened now on a definition of a demo wallet, None when it has no prices here."""
        if definition.simulation is None or definition.simulation.feed is FeedKind.SIMULATED:
            return SIMULATED
        return self._venue_feeds.for_new(definition)

    def _exchange_prices(self, slug: str) -> VenueData:
        from moniqo_core.venues.prices import ExchangePrices

        async def connection() -> VenueConnection:
            return self._venues.to(await self._definitions.get(slug))

        return ExchangePrices(slug, connection, self._clock)

    async def _live(self, wallet: UserWallet, definition: Definition, *, with_key: bool) -> BaseWallet:
        from moniqo_core.storage.live.fills import LiveFillStore
        from moniqo_core.wallets.exchange.lifecycle import keep_life

        config = self._config(definition)
        config["record"] = partial(keep_life, self._wallets, wallet)
        config["kept_fills"] = partial(LiveFillStore(self._database).since, wallet.id)
        credentials: dict[str, str] = {}
        if with_key:
            try:
                credentials = await self._credentials(wallet)
            except WalletError as error:
                # One wallet that does not open must not keep a batch from being opened: it says so when it is asked.
                config["unopened"] = error
        return _exchange_wallet(definition.id, wallet.id, credentials, config)

    async def _credentials(self, wallet: UserWallet) -> dict[str, str]:
        credentials = dict(wallet.settings)
        if wallet.credentials is not None and self._cipher is not None:
            secrets = await self._cipher().decrypt(wallet.credentials, wallet.user_id, wallet.id)
            credentials |= {name: value.get_secret_value() for name, value in secrets.items()}
        return credentials

    def _config(self, definition: Definition) -> dict[str, object]:
        connection, rate = self._venues.to(definition), self._venue_feeds.usd_rate
        return {"connection": connection, "clock": self._clock, "usd_rate": rate}


def _exchange_wallet(
    wallet_id: str, user_wallet_id: str, credentials: Mapping[str, str], config: Mapping[str, object]
) -> ExchangeWallet:
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet

    return ExchangeWallet(wallet_id, user_wallet_id, credentials, config)
