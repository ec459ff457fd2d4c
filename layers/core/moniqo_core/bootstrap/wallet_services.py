"""The factories of the services in :mod:`moniqo_core.services.wallets`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.bootstrap.order_services import order_opener
from moniqo_core.bootstrap.stores import definition_store, user_wallet_store
from moniqo_core.bootstrap.user_quotas import wallet_limit

if TYPE_CHECKING:
    from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
    from moniqo_core.services.wallets.catalogue.definitions import Definitions
    from moniqo_core.services.wallets.changes import WalletChanges
    from moniqo_core.services.wallets.connection import WalletConnection
    from moniqo_core.services.wallets.creation import WalletCreation
    from moniqo_core.services.wallets.pause_and_suspend import WalletLifecycle
    from moniqo_core.services.wallets.queries import UserWallets
    from moniqo_core.services.wallets.reset_and_fork import PaperWallets
    from moniqo_core.services.wallets.resume_checks import Resuming


@cache
def definitions() -> Definitions:
    """Return the service for the catalogue of wallet definitions."""
    from moniqo_core.services.wallets.catalogue.definitions import Definitions
    from moniqo_core.services.wallets.catalogue.venue_addresses import VenueAddresses

    chosen = bootstrap.settings()
    addresses = VenueAddresses(chosen.listed("venue_hosts"), allow_loopback=chosen.loopback_venues)
    return Definitions(definition_store(), addresses)


@cache
def user_wallets() -> UserWallets:
    """Return the service that reads users' wallets and their sync logs."""
    from moniqo_core.services.wallets.journal_balances import JournalBalances
    from moniqo_core.services.wallets.queries import UserWallets
    from moniqo_core.storage.paper.snapshots import SnapshotReader
    from moniqo_core.storage.wallets.sync_log import SyncLogStore

    database = bootstrap.database()
    journals = JournalBalances(SnapshotReader(database), bootstrap.wallets)
    return UserWallets(user_wallet_store(), SyncLogStore(database), journals)


@cache
def wallet_creation() -> WalletCreation:
    """Return the service that connects new wallets."""
    from moniqo_core.services.wallets.creation import WalletCreation

    return WalletCreation(
        definition_store(),
        user_wallet_store(),
        bootstrap.wallets(),
        bootstrap.cipher(),
        wallet_limit(),
        bootstrap.account_fingerprints(),
    )


@cache
def account_fingerprints() -> AccountFingerprints:
    """Return the service that completes the fingerprints of venue accounts."""
    from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
    from moniqo_core.storage.wallets.venue_accounts import VenueAccounts

    return AccountFingerprints(VenueAccounts(bootstrap.database()), definition_store(), bootstrap.cipher())


@cache
def wallet_changes() -> WalletChanges:
    """Return the service that changes and deletes wallets."""
    from moniqo_core.services.wallets.changes import WalletChanges

    return WalletChanges(user_wallet_store(), bootstrap.wallets(), order_opener())


@cache
def wallet_connection() -> WalletConnection:
    """Return the service that tests connections and replaces credentials."""
    from moniqo_core.services.wallets.connection import WalletConnection
    from moniqo_core.storage.wallets.ciphertexts import CiphertextStore

    ciphertexts = CiphertextStore(bootstrap.database())
    return WalletConnection(
        definition_store(),
        user_wallet_store(),
        ciphertexts,
        bootstrap.wallets(),
        bootstrap.cipher(),
        bootstrap.account_fingerprints(),
    )


@cache
def wallet_lifecycle() -> WalletLifecycle:
    """Return the service that pauses, resumes, suspends and reinstates wallets."""
    from moniqo_core.services.wallets.pause_and_suspend import WalletLifecycle

    return WalletLifecycle(user_wallet_store(), bootstrap.wallets())


@cache
def paper_wallets() -> PaperWallets:
    """Return the service that resets and forks demo wallets."""
    from moniqo_core.services.wallets.reset_and_fork import PaperWallets

    return PaperWallets(user_wallet_store(), bootstrap.wallets(), wallet_limit())


@cache
def resuming() -> Resuming:
    """Return the checks that a wallet must pass before it is resumed."""
    from moniqo_core.services.wallets.resume_checks import Resuming

    return Resuming(bootstrap.wallet_connection(), bootstrap.balance_sync(), bootstrap.buy_cancellation())
