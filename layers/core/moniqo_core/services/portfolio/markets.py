"""What a user's wallet can trade, and at what prices."""

from __future__ import annotations

from collections.abc import Sequence

from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.wallets.connector import WalletConnector


class Markets:
    """Markets as one owner's wallet sees them; every method raises NotFoundError for somebody else's wallet."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def list(self, user_id: str, user_wallet_id: str) -> Sequence[Market]:
        """Symbols the wallet trades, ordered by name."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.get_markets()

    async def snapshot(self, user_id: str, user_wallet_id: str, symbol: str) -> Snapshot:
        """Best prices and book of a symbol now; raises InvalidSymbolError, MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.get_snapshot(symbol)

    async def candles(
        self, user_id: str, user_wallet_id: str, symbol: str, interval: str, limit: int
    ) -> Sequence[Candle]:
        """The last closed candles, oldest first; raises InvalidSymbolError, MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.get_candles(symbol, interval, limit)
