"""Read positions, performance, journal and equity of a user's wallet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.portfolio.equity_curve import EquityCurve
from moniqo_core.domain.portfolio.performance import Performance
from moniqo_core.domain.wallets.results import PositionReport
from moniqo_core.services.shared.read_unless_known import Knows, Unchanged, Versioned, read_unless_known
from moniqo_core.wallets.connector import WalletConnector


class Portfolio:
    """Reads wallets of one owner. Every method raises NotFoundError for a wallet that is not the owner's."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def positions(self, user_id: str, user_wallet_id: str, knows: Knows) -> Versioned[PositionReport] | Unchanged:
        """Evaluate resting orders, then return holdings other than cash."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        return await read_unless_known(lambda: wallet.version(of_prices=True), knows, wallet.positions)

    async def performance(self, user_id: str, user_wallet_id: str) -> Performance:
        """Return performance since the wallet was opened, forked or reset."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past.performance()

    async def equity(
        self, user_id: str, user_wallet_id: str, since: datetime, until: datetime, step: timedelta
    ) -> EquityCurve:
        """Return equity at every full ``step`` from ``since`` to ``until``. For a live wallet, syncs stored it."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.equity(since, until, step)

    async def entries(self, user_id: str, user_wallet_id: str, after: int, limit: int) -> Sequence[JournalEntry]:
        """Return journal entries above sequence number ``after``, oldest first."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past.entries(after, limit)

    async def postings(self, user_id: str, user_wallet_id: str, after: int, limit: int) -> Sequence[EntryPostings]:
        """Return the postings of journal entries above sequence number ``after``, oldest first."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past.postings(after, limit)
