"""Open a stored wallet of a user as a ``DemoWallet`` or ``ExchangeWallet``, or make one that is not stored yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import ConflictError, NotFoundError
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import LoadedAccount, WalletsWithAccounts
from moniqo_core.storage.rate_counters import Count
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.venues.connections import VenueConnections
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.definition_cache import KnownDefinitions
from moniqo_core.wallets.demo.config import DemoConfig
from moniqo_core.wallets.demo.wallet import DemoWallet
from moniqo_core.wallets.demo_feeds import DemoFeeds

if TYPE_CHECKING:
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet
    from moniqo_core.wallets.live_connector import LiveConnector
    from moniqo_core.wallets.new_account import NewAccount

LIVE_IDS_REMEMBERED: Final = 10_000
"""Ids of live wallets that an execution environment remembers. It forgets all of them when it reaches this number."""


class WalletConnector:
    """Opens wallets of one deployment. They share its price feeds and its connections to venues."""

    def __init__(
        self,
        database: Database,
        clock: Clock = utc_now,
        cipher: Callable[[], CredentialCipher] | None = None,
        *,
        allow_loopback: bool = False,
        venue_hosts: Collection[str] = (),
        calls_from: str | None = None,
        price_venues: Sequence[str] = (),
        polygon: PolygonHttp | None = None,
    ) -> None:
        """Use ``database``. Feeds and connections are made when they are first needed.

        Args:
            database: Where wallets and definitions are stored.
            clock: The present.
            cipher: Makes the cipher that decrypts credentials. Without it no live wallet can query its account or be
                connected.
            allow_loopback: Whether a definition may name a venue on this machine.
            venue_hosts: Hosts that a definition may name beside those of its venue.
            calls_from: The IP address that venues see, where it is fixed.
            price_venues: Slugs of the definitions whose venues give prices to demo wallets, the preferred one first.
            polygon: Gives prices of shares. None where the deployment has no key.

        """
        self._database = database
        self._clock = clock
        self._cipher = cipher
        self._ledger = DemoJournal(database)
        self._wallets = UserWalletStore(database)
        self._live_ids: set[tuple[str, str]] = set()
        self._venues = VenueConnections(
            database, clock, allow_loopback=allow_loopback, venue_hosts=venue_hosts, calls_from=calls_from
        )
        self._definitions = KnownDefinitions(DefinitionStore(database))
        self._feeds = DemoFeeds(database, clock, self._definitions, self._venues, price_venues, polygon)

    @cached_property
    def _live(self) -> LiveConnector:
        from moniqo_core.wallets.live_connector import LiveConnector

        return LiveConnector(
            self._database, self._clock, self._cipher, self._definitions, self._venues, self._feeds.usd_rate
        )

    async def close(self) -> None:
        """Close the connections to venues and to price services."""
        await self._venues.close()
        await self._feeds.close()

    async def feed(self, name: str = SIMULATED) -> PriceFeed:
        """Return the simulated market of this deployment, whose seed is read once, or the venue feed of this name."""
        return await self._feeds.named(name)

    async def connect(self, owner: str, user_wallet_id: str, *, with_key: bool = True) -> BaseWallet:
        """Open a wallet of ``owner``, a demo wallet in one round trip, or raise NotFoundError.

        Without its key a live wallet can only read public data of its venue and record changes of its lifecycle.
        """
        demo = await self.find_demo(owner, user_wallet_id)
        if demo is not None:
            return demo
        return await self.connect_live(owner, user_wallet_id, with_key=with_key)

    async def find_demo(self, owner: str, user_wallet_id: str, count: Count | None = None) -> DemoWallet | None:
        """Open a demo wallet of ``owner`` in one round trip, or return None where there is no such demo wallet.

        The same read tells ``count`` whether its limit is reached.

        For a wallet already known to be live this reads nothing, because a wallet's kind never changes. The kind is
        remembered per owner, so that the time of an answer tells other users nothing.
        """
        if (owner, user_wallet_id) in self._live_ids:
            return None
        loaded = await self._ledger.load(user_wallet_id, owner, count)
        if loaded is None:
            return None
        demo = await self._demo("", user_wallet_id, owner, loaded)
        await demo.initialize()
        return demo

    async def connect_demo(self, owner: str, user_wallet_id: str) -> DemoWallet:
        """Open a demo wallet of ``owner`` in one round trip. Raise NotFoundError, or ConflictError for a live one."""
        demo = await self.find_demo(owner, user_wallet_id)
        if demo is None:
            self._require_live(await self._wallets.get(owner, user_wallet_id))
            raise ConflictError(
                "Only paper wallets support this operation. This wallet is live.",
                hint="Use a demo wallet, or connect one with POST /wallets.",
            )
        return demo

    async def connect_live(self, owner: str, user_wallet_id: str, *, with_key: bool = True) -> ExchangeWallet:
        """Read and open a live wallet of ``owner``. Raise NotFoundError, also for a demo wallet."""
        return await self.open_live(await self._wallets.get(owner, user_wallet_id), with_key=with_key)

    async def open(self, wallet: UserWallet, *, with_key: bool = True) -> BaseWallet:
        """Open a wallet whose document is already read. Raise NotFoundError for a demo wallet without an account."""
        demo = await self.find_demo(wallet.user_id, wallet.id) if wallet.is_demo else None
        return demo or await self.open_live(wallet, with_key=with_key)

    async def open_live(self, wallet: UserWallet, *, with_key: bool = True) -> ExchangeWallet:
        """Open a live wallet whose document is already read. Raise NotFoundError for a demo wallet."""
        self._require_live(wallet)
        return await self._live.open(wallet, with_key=with_key)

    def _require_live(self, wallet: UserWallet) -> None:
        """Remember that a wallet is live. A demo wallet that has no account does not exist for its owner."""
        if wallet.is_demo:
            raise NotFoundError("There is no such wallet.")
        if len(self._live_ids) >= LIVE_IDS_REMEMBERED:
            self._live_ids.clear()
        self._live_ids.add((wallet.user_id, wallet.id))

    async def read_leased(self, user_wallet_ids: Iterable[str], token: str) -> WalletsWithAccounts:
        """Return those of these wallets that the holder of a sync's ``token`` has leased, in one round trip."""
        return await self._ledger.load_leased(user_wallet_ids, token)

    async def connect_many(
        self, wallets: Sequence[UserWallet], accounts: Mapping[str, LoadedAccount] | None = None
    ) -> dict[str, BaseWallet]:
        """Return wallets by id, not yet initialised. ``accounts`` are those of the paper wallets, if they are read.

        The accounts take one round trip if they are not, and the definitions of live wallets one if they are not known.
        A wallet without an account or a usable definition is missing from the result. A deleted demo wallet raises
        WalletDeletedError when it is initialised.
        """
        demo = [wallet for wallet in wallets if wallet.is_demo]
        loaded = accounts or {}
        if accounts is None and demo:
            loaded = await self._ledger.load_many([wallet.id for wallet in demo])
        connected: dict[str, BaseWallet] = {}
        for wallet in demo:
            found = loaded.get(wallet.id)
            if found is not None:
                connected[wallet.id] = await self._demo(wallet.wallet_id, wallet.id, wallet.user_id, found)
        return {**connected, **await self.connect_live_many(wallets)}

    async def connect_live_many(
        self, wallets: Sequence[UserWallet], *, with_key: bool = True
    ) -> dict[str, ExchangeWallet]:
        """Return live wallets by id, not yet initialised. Without their keys they read public data only.

        Missing from the result are demo wallets, and wallets whose definition is gone or names no usable venue. A
        wallet whose credentials cannot be decrypted raises that error when it is used.
        """
        return await self._live.prepare([wallet for wallet in wallets if not wallet.is_demo], with_key=with_key)

    async def connect_accounts(self, user_wallet_ids: Sequence[str]) -> list[DemoWallet]:
        """Return demo wallets of any owner in one round trip. Deleted and unknown ones are missing from the result."""
        loaded = await self._ledger.load_many(user_wallet_ids)
        found = ((name, entry) for name, entry in loaded.items() if not entry.account.deleted)
        return [await self._demo("", name, entry.account.terms.user_id, entry) for name, entry in found]

    async def new_demo(self, user_wallet_id: str, feed: str) -> DemoWallet:
        """Make a demo wallet that has no account yet. ``feed`` names the prices its account will trade on."""
        return DemoWallet("", user_wallet_id, {}, await self._demo_config(feed))

    async def candidate(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> BaseWallet | None:
        """Make a wallet to test credentials with, or return None when this build cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        if definition.simulation is None:
            return self._live.candidate(definition, user_wallet_id, credentials)
        name = self._feeds.name_for(definition)
        return (
            None
            if name is None
            else DemoWallet(definition.id, user_wallet_id, credentials, await self._demo_config(name))
        )

    async def new_account(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> NewAccount | None:
        """Make the account of a wallet that is not stored yet, or None when this connector cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        from moniqo_core.wallets.new_account import NewPaperAccount, NewVenueAccount

        if definition.simulation is None:
            wallet = self._live.candidate(definition, user_wallet_id, credentials)
            if wallet is None or self._cipher is None:
                return None
            return NewVenueAccount(wallet, self._wallets, self._cipher)
        name = self._feeds.name_for(definition)
        return None if name is None else NewPaperAccount(await self.new_demo(user_wallet_id, name), definition)

    async def _demo(self, wallet_id: str, user_wallet_id: str, owner: str, loaded: LoadedAccount) -> DemoWallet:
        config = await self._demo_config(loaded.account.terms.feed, owner, loaded)
        return DemoWallet(wallet_id, user_wallet_id, {}, config)

    async def _demo_config(
        self, feed: str, owner: str | None = None, loaded: LoadedAccount | None = None
    ) -> DemoConfig:
        return DemoConfig(self._database, self._clock, await self.feed(feed), owner, self._ledger, loaded)
