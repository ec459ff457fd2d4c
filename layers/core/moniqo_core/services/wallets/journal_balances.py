"""The balance of paper wallets as their journals have it, whatever the last sync stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from moniqo_core.domain.wallets.user_wallet import UserWallet

if TYPE_CHECKING:
    from moniqo_core.wallets.connector import WalletConnector


class JournalBalances:
    """Reads journals in one round trip for any number of wallets."""

    def __init__(self, connector: Callable[[], WalletConnector]) -> None:
        """Open paper wallets with what ``connector`` returns. It is called when the first one is read."""
        self._connector = connector

    async def of(self, wallets: Sequence[UserWallet]) -> list[UserWallet]:
        """Return these wallets, the paper ones with the amounts and the profit of their journals.

        A wallet without a readable journal keeps the balance of its last sync.
        """
        paper = [wallet.id for wallet in wallets if wallet.is_demo]
        if not paper:
            return list(wallets)
        accounts = {account.user_wallet_id: account for account in await self._connector().connect_accounts(paper)}
        shown = []
        for wallet in wallets:
            account = accounts.get(wallet.id)
            if account is None:
                shown.append(wallet)
                continue
            async with account:
                shown.append(replace(wallet, balance=await account.journal_balance(wallet.balance)))
        return shown
