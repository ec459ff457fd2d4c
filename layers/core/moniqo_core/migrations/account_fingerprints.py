"""Completes the account fingerprints of wallets that were connected before fingerprints existed.

It is repeated after a loss of the key ring, whose keys the fingerprints were made with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from moniqo_core import bootstrap
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.storage.document import Database
from moniqo_core.storage.wallets.readable_wallets import read_wallets
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts

_PAGE: Final = 100
_AT_ONCE: Final = 10


async def complete_account_fingerprints(database: Database, progress: Callable[[str], None]) -> str:
    """Add missing fingerprints of API keys, and those of account ids where the venue tells the id.

    Each wallet is stored on its own, so a repetition asks only for what is missing.

    Raises:
        SettingError: there are live wallets, and KEY_SECRET_ID is not set.
        TemporarilyUnavailableError: the key store does not answer.

    """
    accounts = VenueAccounts(database)
    if not await accounts.any_connected():
        return "There are no live wallets."
    try:
        keys = await bootstrap.account_fingerprints().complete()
        known, silent = await _ask_venues(accounts, progress)
    finally:
        await bootstrap.wallets().close()
    return (
        f"API keys: {keys.completed}. Cannot be read: {keys.unreadable}."
        f" Account ids: {known}. Not found out: {silent}."
        f" Accounts with several wallets: {len(await accounts.shared())}."
    )


async def _ask_venues(accounts: VenueAccounts, progress: Callable[[str], None]) -> tuple[int, int]:
    """Add the id of the account where the venue tells it. Return how many it told, and how many not."""
    known = asked = 0
    after = ""
    while page := await accounts.without_account_id(after, _PAGE):
        wallets, broken = read_wallets(page)
        after = max([*(wallet.id for wallet in wallets), *broken])
        known += sum(await gather_bounded(_ask_venue, wallets, _AT_ONCE))
        asked += len(wallets)
        progress(f"venues were asked for the accounts of {asked} wallets")
    return known, asked - known


async def _ask_venue(wallet: UserWallet) -> bool:
    opened = await bootstrap.wallets().connect_live_many([wallet])
    try:
        async with opened[wallet.id] as account:
            names = await account.account_names()
    except (KeyError, WalletError):
        return False
    return len(names) > 1 and await bootstrap.account_fingerprints().store(wallet, names)
