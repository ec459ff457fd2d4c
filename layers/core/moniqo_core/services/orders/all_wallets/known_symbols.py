"""Distinguish a misspelt symbol from one that has no orders in any wallet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moniqo_core.domain.errors import InvalidSymbolError
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.orders.list_queries import OrderQuery
from moniqo_core.services.orders.all_wallets.source import OrderSource


async def require_known_symbol(sources: Iterable[OrderSource], symbol: str) -> None:
    """Check the symbol of a list that found nothing.

    A symbol is known if a wallet trades it or ever had an order of it. A user without wallets may name any symbol.

    Raises:
        InvalidSymbolError: no wallet trades the symbol, and none ever did.

    """
    refused: list[InvalidSymbolError] = []
    for source in sources:
        found: Sequence[InvalidSymbolError | None] = await source.refusals(symbol)
        if any(refusal is None for refusal in found) or await source.page(OrderQuery(1, symbol=symbol), None):
            return
        refused += [refusal for refusal in found if refusal is not None]
    if refused:
        meant = [str(error.members["nearest"]) for error in refused if "nearest" in error.members]
        raise unknown_symbol(symbol, meant, "None of your wallets trades")
