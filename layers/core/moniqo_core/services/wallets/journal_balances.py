"""The balance of paper wallets as their journals have it, whatever the last sync stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from moniqo_core.domain.ledger.holdings import AccountHoldings
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.paper.valuation import has_amounts_of, journal_balance
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.paper.snapshots import SnapshotReader

if TYPE_CHECKING:
    from moniqo_core.wallets.connector import WalletConnector


class JournalBalances:
    """Reads journals in one round trip for any number of wallets."""

    def __init__(self, snapshots: SnapshotReader, connector: Callable[[], WalletConnector]) -> None:
        """Read accounts from ``snapshots``.

        What ``connector`` returns gives the prices of the simulated market. It is called when one is needed.
        """
        self._snapshots = snapshots
        self._connector = connector

    async def of(self, wallets: Sequence[UserWallet]) -> list[UserWallet]:
        """Return these wallets, the paper ones with the amounts and the profit of their journals.

        A wallet keeps the balance of its last sync if its journal has the same amounts, or cannot be read.
        """
        paper = [wallet.id for wallet in wallets if wallet.is_demo]
        accounts = await self._snapshots.read_holdings(paper) if paper else {}
        shown = []
        for wallet in wallets:
            account = accounts.get(wallet.id)
            if account is None or has_amounts_of(wallet.balance, account):
                shown.append(wallet)
            else:
                balance = journal_balance(account, wallet.balance, await self._marks(account))
                shown.append(replace(wallet, balance=balance))
        return shown

    async def _marks(self, account: AccountHoldings) -> Mapping[str, Decimal]:
        """Return the prices of what an account of the simulated market holds. No venue is asked for prices."""
        held = account.held_symbols if account.feed == SIMULATED else []
        return await (await self._connector().feed()).mids(held) if held else {}
