"""Read the markets and prices of a user's wallet."""

from __future__ import annotations

from collections.abc import Sequence

from moniqo_core.domain.market.candles import CandleQuery, CandleSeries
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.market.ticker import TickerReport
from moniqo_core.domain.market.trading_hours import MarketClock
from moniqo_core.wallets.connector import WalletConnector


class Markets:
    """Reads markets of one owner's wallets. Every method raises NotFoundError for a wallet that is not the owner's."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def list(self, user_id: str, user_wallet_id: str) -> Sequence[Market]:
        """Return the symbols that the wallet can trade, ordered by name."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.get_markets()

    async def snapshot(self, user_id: str, user_wallet_id: str, symbol: str) -> Snapshot:
        """Return best prices and order book of a symbol, or raise InvalidSymbolError or MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.get_snapshot(symbol)

    async def clock(self, user_id: str, user_wallet_id: str) -> MarketClock:
        """Return the opening hours of the wallet's markets now. No venue is asked."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.market_clock()

    async def tickers(self, user_id: str, user_wallet_id: str, symbols: Sequence[str]) -> TickerReport:
        """Return how symbols trade, or raise InvalidSymbolError or MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.tickers(symbols)

    async def candles(self, user_id: str, user_wallet_id: str, symbol: str, query: CandleQuery) -> CandleSeries:
        """Return candles, oldest first, or raise InvalidSymbolError or MarketDataError."""
        wallet = await self._connector.connect(user_id, user_wallet_id, with_key=False)
        return await wallet.candles(symbol, query)
