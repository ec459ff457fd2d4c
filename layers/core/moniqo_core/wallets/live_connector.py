"""Open wallets at venues: read the definition, decrypt the credentials and take a connection to the venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import ConflictError, TemporarilyUnavailableError, WalletConnectionError, WalletError
from moniqo_core.domain.wallets.lifecycle_commands import Suspend
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.document import Database
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.venues.connections import VenueConnections
from moniqo_core.venues.exchanges.registry import VENUES
from moniqo_core.wallets.definition_cache import KnownDefinitions

if TYPE_CHECKING:
    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
    from moniqo_core.wallets.exchange.config import UsdRate
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The credentials of a wallet, or the error that the wallet raises when it is queried."""

    credentials: Mapping[str, str] = field(repr=False)
    error: WalletError | None = None


class LiveConnector:
    """Opens live wallets of one deployment. All wallets of a venue share one connection to it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        cipher: Callable[[], CredentialCipher] | None,
        definitions: KnownDefinitions,
        venues: VenueConnections,
        usd_rate: UsdRate,
    ) -> None:
        """Keep the arguments.

        Args:
            database: Where wallets, fills and equity are stored.
            clock: The present.
            cipher: Makes the cipher that decrypts credentials. Without it no wallet can query its account.
            definitions: Where definitions are read from.
            venues: Where connections to venues come from. Their owner closes them.
            usd_rate: Prices dollar tokens that a venue does not list against the dollar.

        """
        self._database = database
        self._clock = clock
        self._cipher = cipher
        self._definitions = definitions
        self._venues = venues
        self._usd_rate = usd_rate
        self._wallets = UserWalletStore(database)

    async def open(self, wallet: UserWallet, *, with_key: bool) -> ExchangeWallet:
        """Open a live wallet.

        Raises:
            WalletConnectionError: its definition no longer exists or gives no usable address of the venue.

        """
        definition = (await self._definitions.get_many([wallet.wallet_id])).get(wallet.wallet_id)
        if definition is None:
            raise WalletConnectionError("The definition of this wallet no longer exists.")
        opened = self._stored(wallet, definition, await self._unlock(wallet) if with_key else Unlocked({}))
        await opened.initialize()
        return opened

    async def prepare(self, wallets: Sequence[UserWallet], *, with_key: bool) -> dict[str, ExchangeWallet]:
        """Return wallets by id, not yet initialised, without those that have no usable definition.

        A key store that does not answer is asked once, and not again for each wallet.
        """
        prepared: dict[str, ExchangeWallet] = {}
        definitions = await self._definitions.get_many({wallet.wallet_id for wallet in wallets})
        unlocked = Unlocked({})
        for wallet in wallets:
            definition = definitions.get(wallet.wallet_id)
            if definition is None:
                continue
            if with_key and not isinstance(unlocked.error, TemporarilyUnavailableError):
                unlocked = await self._unlock(wallet)
            with suppress(WalletConnectionError):
                prepared[wallet.id] = self._stored(wallet, definition, unlocked)
                # Import the exchange's library now, before the time limit of any wallet starts to run.
                self._venues.to(definition).client_model()
        return prepared

    def candidate(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str]
    ) -> ExchangeWallet | None:
        """Make a wallet that is not stored yet, or return None when this build cannot trade the venue.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

        """
        return self._make(definition, user_wallet_id, credentials) if definition.slug in VENUES else None

    def _stored(self, wallet: UserWallet, definition: Definition, unlocked: Unlocked) -> ExchangeWallet:
        from moniqo_core.storage.equity_points import EquityStore
        from moniqo_core.storage.live.fills import LiveFillStore

        return self._make(
            definition,
            wallet.id,
            unlocked.credentials,
            record=partial(self._record, wallet),
            kept_fills=partial(LiveFillStore(self._database).since, wallet.id),
            kept_equity=partial(EquityStore(self._database).between, wallet.id),
            unopened=unlocked.error,
        )

    async def _record(self, wallet: UserWallet, command: LifecycleCommand, projection: Mapping[str, object]) -> None:
        """Store a change of a wallet's lifecycle. Orders decided before it have their outcome when this returns."""
        from moniqo_core.storage.live.lifecycle import LiveLifecycle
        from moniqo_core.storage.live.orders import LiveOrderStore
        from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
        from moniqo_core.wallets.earlier_intents import admits_more, wait_for_earlier_intents

        async def wait() -> None:
            if admits_more(command):
                return
            stopped = [wallet.id]
            if isinstance(command, Suspend):
                # It stops every wallet of its venue account.
                others = await VenueAccounts(self._database).others(wallet.account_fingerprints, wallet.id)
                stopped += [other.id for other in others]
            await wait_for_earlier_intents(LiveOrderStore(self._database), self._clock, stopped)

        try:
            await LiveLifecycle(self._database).record(wallet, command, projection)
        except ConflictError:
            # A repeat of a pause that was stored but not answered waits too.
            await wait()
            raise
        await wait()

    async def _unlock(self, wallet: UserWallet) -> Unlocked:
        """Decrypt the credentials of a wallet. One that fails must not fail its batch, so the error is returned."""
        credentials = dict(wallet.settings)
        if wallet.credentials is not None and self._cipher is not None:
            try:
                secrets = await self._cipher().decrypt(wallet.credentials, wallet.user_id, wallet.id)
            except WalletError as error:
                return Unlocked({}, error)
            credentials |= {name: value.get_secret_value() for name, value in secrets.items()}
        return Unlocked(credentials)

    def _make(
        self, definition: Definition, user_wallet_id: str, credentials: Mapping[str, str], **stored: Any
    ) -> ExchangeWallet:
        """Make a wallet. ``stored`` holds the entries of its configuration that read or write our database."""
        from moniqo_core.wallets.exchange.config import ExchangeConfig
        from moniqo_core.wallets.exchange.wallet import ExchangeWallet

        config = ExchangeConfig(self._venues.to(definition), self._clock, self._usd_rate, **stored)
        return ExchangeWallet(definition.id, user_wallet_id, credentials, config)
