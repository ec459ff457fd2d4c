"""Distinguish a misspelt symbol from one that has no orders."""

from __future__ import annotations

from typing import Protocol

from moniqo_core.domain.errors import InvalidSymbolError, WalletError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.services.orders.execution import OrderExecution


class TradesSymbols(Protocol):
    """A wallet that knows which symbols it trades."""

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of a symbol, or raise InvalidSymbolError."""


async def refusal_of(symbol: str, wallet: TradesSymbols) -> InvalidSymbolError | None:
    """Return why a wallet cannot trade a symbol, or None if it can or if its market cannot be read."""
    try:
        await wallet.market(symbol)
    except InvalidSymbolError as error:
        return error
    except WalletError:
        return None
    return None


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
    refusal = await refusal_of(symbol, execution.account)
    if refusal is not None and not (await execution.page(OrderQuery(1, symbol=symbol))).records:
        raise refusal
