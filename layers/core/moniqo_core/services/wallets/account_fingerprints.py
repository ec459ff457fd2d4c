"""Complete the fingerprints of wallets that were connected before fingerprints existed, or under another key ring.

A new wallet gets its fingerprints when it is connected. An older wallet gets that of its API key here, without a call
to the venue. Only the venue knows the account's id, for which ``moniqo-admin migrate`` asks it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.errors import DecryptionError, EncryptionError
from moniqo_core.domain.wallets.definition import Definition
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.readable_wallets import read_wallets
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts
from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from moniqo_core.venues.transport.account_names import key_name, on_test_network

PAGE: Final = 100
_EVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class FingerprintReport:
    """The numbers of wallets that got fingerprints, and of those that did not, such as those with unreadable keys."""

    completed: int = 0
    unreadable: int = 0


class AccountFingerprints:
    """Completes stored fingerprints. Repeating it changes nothing."""

    def __init__(self, accounts: VenueAccounts, definitions: DefinitionStore, cipher: CredentialCipher) -> None:
        """Use these stores. ``cipher`` decrypts API keys and makes fingerprints."""
        self._accounts = accounts
        self._definitions = definitions
        self._cipher = cipher

    async def complete(self, user_id: str | None = None, seconds: float = _EVER) -> FingerprintReport:
        """Add the fingerprint of the API key to live wallets without one, of one user or of all.

        After ``seconds`` no further page is begun. A wallet that cannot be read is left as it is.

        Raises:
            TemporarilyUnavailableError: the key store does not answer.

        """
        try:
            key_id = await self._cipher.fingerprint_key_id()
        except EncryptionError:
            return FingerprintReport()  # no wallet was ever connected
        until, after = time.monotonic() + seconds, None
        completed = unreadable = 0
        while time.monotonic() < until:
            page = await self._accounts.without_fingerprints(key_id, user_id, after, PAGE)
            if not page:
                break
            wallets, broken = read_wallets(page)
            after = max([*(wallet.id for wallet in wallets), *broken])
            definitions = await self._definitions.get_many([wallet.wallet_id for wallet in wallets])
            done = [await self._complete_one(wallet, definitions.get(wallet.wallet_id)) for wallet in wallets]
            completed += sum(done)
            unreadable += len(broken) + len(done) - sum(done)
        return FingerprintReport(completed, unreadable)

    async def _complete_one(self, wallet: UserWallet, definition: Definition | None) -> bool:
        if definition is None or definition.slug not in VENUES or definition.api_config is None:
            return False
        try:
            secrets = await self._cipher.decrypt(wallet.credentials, wallet.user_id, wallet.id)
        except DecryptionError:
            return False
        venue = venue_of(definition.slug)
        plain = {name: value.get_secret_value() for name, value in secrets.items()}
        name = key_name(venue, {**wallet.settings, **plain}, test_network=on_test_network(venue, definition.api_config))
        return name is not None and await self.store(wallet, [name])

    async def store(self, wallet: UserWallet, names: Sequence[str]) -> bool:
        """Store the fingerprints of names of a wallet's account. Return False if its credentials changed meanwhile.

        Raises:
            TemporarilyUnavailableError: the key store does not answer.

        """
        fingerprints = await self._cipher.fingerprints(names, wallet.user_id)
        return await self._accounts.store(wallet, fingerprints)
