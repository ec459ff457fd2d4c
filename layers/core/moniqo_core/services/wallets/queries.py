"""Read an owner's wallets and their sync log."""

from __future__ import annotations

from collections.abc import Sequence

from moniqo_core.domain.sync.outcome import SyncLogCursor, SyncLogEntry
from moniqo_core.domain.wallets.list_queries import WalletCursor, WalletFilter
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.wallets.journal_balances import JournalBalances
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.sync_log import SyncLogStore


class UserWallets:
    """Reads an owner's wallets and their sync log."""

    def __init__(self, wallets: UserWalletStore, sync_log: SyncLogStore, journals: JournalBalances) -> None:
        """Use these stores. ``journals`` has the balances of paper wallets."""
        self._wallets = wallets
        self._journals = journals
        self._sync_log = sync_log

    async def get(self, user_id: str, user_wallet_id: str) -> UserWallet:
        """Return one wallet with its balance, or raise NotFoundError."""
        return await self.with_balance(await self._wallets.get(user_id, user_wallet_id))

    async def with_balance(self, wallet: UserWallet) -> UserWallet:
        """Return a wallet as it is shown: a paper one with the balance of its journal, else that of its last sync."""
        return (await self._journals.of([wallet]))[0]

    async def list(
        self, user_id: str, wanted: WalletFilter, after: WalletCursor | None, limit: int
    ) -> Sequence[UserWallet]:
        """Return up to ``limit`` wallets, newest first."""
        return await self._journals.of(await self._wallets.list(user_id, wanted, after, limit))

    async def sync_log(
        self, user_id: str, user_wallet_id: str, after: SyncLogCursor | None, limit: int
    ) -> Sequence[SyncLogEntry]:
        """Return up to ``limit`` rows of the sync log, newest first, or raise NotFoundError."""
        await self._wallets.get(user_id, user_wallet_id)
        return await self._sync_log.list(user_id, user_wallet_id, after, limit)
