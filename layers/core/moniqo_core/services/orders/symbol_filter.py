"""Distinguish a misspelt symbol from one that has no orders."""

from __future__ import annotations

from moniqo_core.domain.errors import InvalidSymbolError, WalletError
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.services.orders.execution import OrderExecution


async def require_known_symbol(execution: OrderExecution, symbol: str | None) -> None:
    """Check the symbol of a request that found nothing. A request that found something needs no check.

    A symbol is known if its market is listed for the wallet, also while it is paused, or if the wallet has ever had an
    order of it. While the market cannot be read, every symbol passes: the venue's outage must not hide that nothing was
    found.

    Raises:
        InvalidSymbolError: the wallet does not trade the symbol, and never did.

    """
    if symbol is None:
        return
    try:
        await execution.account.market(symbol)
    except InvalidSymbolError:
        if not (await execution.page(OrderQuery(1, symbol=symbol))).records:
            raise
    except WalletError:
        return
