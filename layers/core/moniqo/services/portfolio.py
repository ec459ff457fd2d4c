"""What a user's wallet holds and how it got there: positions, results, journal, equity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from moniqo.domain.equity_curve import EquityPoint
from moniqo.domain.performance import Performance
from moniqo.wallets.base import PositionReport
from moniqo.wallets.registry import WalletConnector

_POSTING_FIELDS: Final = ("seq", "epoch", "at", "kind", "order_ids", "postings")


class Portfolio:
    """Reads of one owner's wallets; every method raises NotFoundError for a wallet that is not the owner's."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def positions(self, user_id: str, user_wallet_id: str) -> PositionReport:
        """What is held beside cash, resting orders evaluated first."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        return await wallet.positions()

    async def performance(self, user_id: str, user_wallet_id: str) -> Performance:
        """Results since the wallet was opened, forked or reset."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past().performance()

    async def equity(
        self, user_id: str, user_wallet_id: str, since: datetime, until: datetime, step: timedelta
    ) -> Sequence[EquityPoint]:
        """Equity at every full ``step`` from ``since`` to ``until``, oldest first."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past().equity(since, until, step)

    async def entries(self, user_id: str, user_wallet_id: str, after: int, limit: int) -> Sequence[dict[str, Any]]:
        """Journal entries above sequence number ``after``, oldest first."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past().entries(after, limit)

    async def postings(self, user_id: str, user_wallet_id: str, after: int, limit: int) -> Sequence[dict[str, Any]]:
        """The same with nothing but what moved."""
        wallet = await self._connector.connect_demo(user_id, user_wallet_id)
        return await wallet.past().entries(after, limit, _POSTING_FIELDS)
