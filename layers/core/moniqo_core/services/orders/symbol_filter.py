"""Tell a symbol that has no orders from one that is misspelt."""

from __future__ import annotations

from moniqo_core.domain.errors import MarketDataError, TemporarilyUnavailableError, WalletConnectionError
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.services.orders.execution import OrderExecution


async def require_known_symbol(execution: OrderExecution, symbol: str | None) -> None:
    """Check the symbol of a request that found nothing. A request that found something needs no check.

    A symbol is known if the wallet trades it now, or has ever had an order of it. While the market cannot be read,
    every symbol passes: the venue's outage must not hide that nothing was found.

    Raises:
        InvalidSymbolError: the wallet does not trade the symbol, and never did.

    """
    if symbol is None:
        return
    try:
        tradable = [market.symbol for market in await execution.account.get_markets()]
    except (MarketDataError, TemporarilyUnavailableError, WalletConnectionError):
        return
    if symbol not in tradable and not (await execution.page(OrderQuery(1, symbol=symbol))).records:
        raise unknown_symbol(symbol, tradable)
