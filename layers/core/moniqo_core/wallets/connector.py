"""From a user's wallet to the object that trades it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import ConflictError, NotFoundError, WalletConnectionError, WalletError
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.wallets.definition import FeedKind
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.feeds.polygon import Polygon
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.storage.deployment import simulation_seed
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.journal import DemoJournal
from moniqo_core.storage.paper.snapshots import LoadedAccount
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.user_wallets import UserWalletStore
from moniqo_core.venues.connections import VenueConnections
from moniqo_core.venues.exchanges.registry import VENUES
from moniqo_core.venues.price_feeds import VenueFeeds
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.definition_cache import KnownDefinitions
from moniqo_core.wallets.demo.config import DemoConfig
from moniqo_core.wallets.demo.wallet import DemoWallet
from moniqo_core.wallets.new_account import NewAccount, NewPaperAccount, NewVenueAccount

if TYPE_CHECKING:
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.feeds.price_source import PriceSource
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet

LIVE_IDS_REMEMBERED: Final = 10_000
"""Wallets an execution environment remembers to be live; beyond that it begins again."""


class WalletConnector:
    """Opens wallets of one deployment; its price feed and its connections to venues are shared by them."""

    def __init__(
        self,
        database: Database,
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
        self._ledger = DemoJournal(database)
        self._wallets = UserWalletStore(database)
        self._definitions = KnownDefinitions(DefinitionStore(database))
        self._clock = clock
        self._cipher = cipher
        self._venues = VenueConnections(database, clock, allow_loopback=allow_loopback, calls_from=calls_from)
        self._feed: PriceFeed | None = None
        self._live_ids: set[str] = set()
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
        demo = await self.find_demo(owner, user_wallet_id)
        if demo is not None:
            return demo
        return await self.connect_live(owner, user_wallet_id, with_key=with_key)

    async def find_demo(self, owner: str, user_wallet_id: str) -> DemoWallet | None:
        """Open a demo wallet of ``owner`` in one round trip, None where there is no such demo wallet.

        A wallet that was found to be live before costs nothing: its kind never changes.
        """
        if user_wallet_id in self._live_ids:
            return None
        loaded = await self._ledger.load(user_wallet_id, owner)
        if loaded is None:
            return None
        demo = await self._demo("", user_wallet_id, owner, loaded)
        await demo.initialize()
        return demo

    async def connect_demo(self, owner: str, user_wallet_id: str) -> DemoWallet:
        """Open a demo wallet of ``owner`` in one round trip; raises NotFoundError, ConflictError for a live one."""
        demo = await self.find_demo(owner, user_wallet_id)
        if demo is None:
            self._require_live(await self._wallets.get(owner, user_wallet_id))
            raise ConflictError(
                "Only paper wallets support this. This wallet is live.",
                hint="Use a demo wallet, or connect one with POST /wallets.",
            )
        return demo

    async def connect_live(self, owner: str, user_wallet_id: str, *, with_key: bool = True) -> ExchangeWallet:
        """Read and open a live wallet of ``owner``; raises NotFoundError also for a demo wallet."""
        return await self.open_live(await self._wallets.get(owner, user_wallet_id), with_key=with_key)

    async def open_live(self, wallet: UserWallet, *, with_key: bool = True) -> ExchangeWallet:
        """Open a live wallet that was read already; raises NotFoundError for a demo wallet."""
        self._require_live(wallet)
        definition = (await self._definitions.get_many([wallet.wallet_id])).get(wallet.wallet_id)
        if definition is None:
            raise WalletConnectionError("The definition of this wallet no longer exists.")
        opened = await self._live(wallet, definition, with_key=with_key)
        await opened.initialize()
        return opened

    def _require_live(self, wallet: UserWallet) -> None:
        """Remember that a wallet is live; a demo wallet without an account is not there for its owner."""
        if wallet.is_demo:
            raise NotFoundError("There is no such wallet.")
        if len(self._live_ids) >= LIVE_IDS_REMEMBERED:
            self._live_ids.clear()
        self._live_ids.add(wallet.id)

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
        return {**connected, **await self.connect_live_many([wallet for wallet in wallets if not wallet.is_demo])}

    async def connect_live_many(self, wallets: Sequence[UserWallet]) -> dict[str, ExchangeWallet]:
        """Get live wallets ready; one that cannot be opened is missing from the answer."""
        connected: dict[str, ExchangeWallet] = {}
        definitions = await self._definitions.get_many({wallet.wallet_id for wallet in wallets})
        for wallet in wallets:
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
        return DemoWallet("", user_wallet_id, {}, await self._demo_config(feed))

    async def candidate(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> BaseWallet | None:
        """Make a wallet of given credentials, to test them; None when this build cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        if definition.simulation is not None:
            name = self._feed_name(definition)
            if name is None:
                return None
            return DemoWallet(definition.id, user_wallet_id, credentials, await self._demo_config(name))
        if definition.slug not in VENUES:
            return None
        return self._exchange_wallet(definition, user_wallet_id, credentials)

    async def new_account(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> NewAccount | None:
        """Make the account of a wallet that is not stored yet; None when this build cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        if definition.simulation is not None:
            name = self._feed_name(definition)
            return None if name is None else NewPaperAccount(await self.new_demo(user_wallet_id, name), definition)
        if definition.slug not in VENUES:
            return None
        return NewVenueAccount(self._exchange_wallet(definition, user_wallet_id, credentials), self._wallets)

    async def _demo(self, wallet_id: str, user_wallet_id: str, owner: str, loaded: LoadedAccount) -> DemoWallet:
        config = await self._demo_config(loaded.account.terms.feed, owner, loaded)
        return DemoWallet(wallet_id, user_wallet_id, {}, config)

    async def _demo_config(
        self, feed: str, owner: str | None = None, loaded: LoadedAccount | None = None
    ) -> DemoConfig:
        return DemoConfig(self._database, self._clock, await self.feed(feed), owner, self._ledger, loaded)

    def _feed_name(self, definition: Definition) -> str | None:
        """Return the feed of accounts opened now on a definition of a demo wallet, None when it has no prices here."""
        if definition.simulation is None or definition.simulation.feed is FeedKind.SIMULATED:
            return SIMULATED
        return self._venue_feeds.for_new(definition)

    def _exchange_prices(self, slug: str) -> PriceSource:
        from moniqo_core.venues.exchange_prices import ExchangePriceSource

        async def connection() -> VenueConnection:
            return self._venues.to(await self._definitions.get(slug))

        return ExchangePriceSource(slug, connection, self._clock)

    async def _live(self, wallet: UserWallet, definition: Definition, *, with_key: bool) -> ExchangeWallet:
        from moniqo_core.storage.equity_points import EquityStore
        from moniqo_core.storage.live.fills import LiveFillStore
        from moniqo_core.storage.wallets.lifecycle_changes import record_lifecycle_change

        credentials: dict[str, str] = {}
        unopened: WalletError | None = None
        if with_key:
            try:
                credentials = await self._credentials(wallet)
            except WalletError as error:
                # One wallet that does not open must not keep a batch from being opened: it says so when it is asked.
                unopened = error
        return self._exchange_wallet(
            definition,
            wallet.id,
            credentials,
            record=partial(record_lifecycle_change, self._wallets, wallet),
            kept_fills=partial(LiveFillStore(self._database).since, wallet.id),
            kept_equity=partial(EquityStore(self._database).between, wallet.id),
            unopened=unopened,
        )

    async def _credentials(self, wallet: UserWallet) -> dict[str, str]:
        credentials = dict(wallet.settings)
        if wallet.credentials is not None and self._cipher is not None:
            secrets = await self._cipher().decrypt(wallet.credentials, wallet.user_id, wallet.id)
            credentials |= {name: value.get_secret_value() for name, value in secrets.items()}
        return credentials

    def _exchange_wallet(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str], **kept: Any
    ) -> ExchangeWallet:
        """Make a wallet; ``kept`` is what this deployment keeps of it, by the names of its configuration."""
        from moniqo_core.wallets.exchange.config import ExchangeConfig
        from moniqo_core.wallets.exchange.wallet import ExchangeWallet

        connection, rate = self._venues.to(definition), self._venue_feeds.usd_rate
        config = ExchangeConfig(connection, self._clock, rate, **kept)
        return ExchangeWallet(definition.id, user_wallet_id, credentials, config)
