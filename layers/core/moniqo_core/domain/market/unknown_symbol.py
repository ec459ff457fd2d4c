"""The refusal of a symbol that a wallet cannot trade, with the nearest one that it can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from moniqo_core.domain.errors import SymbolNotFoundError
from moniqo_core.domain.nearest_name import nearest_name

MAX_SHOWN: Final = 40
"""Characters of the asked symbol that an error repeats."""


def unknown_symbol(
    symbol: str, tradable: Iterable[str], refuses: str = "This wallet does not trade"
) -> SymbolNotFoundError:
    """Return the refusal of ``symbol``. Its member ``nearest`` is the most similar of the ``tradable`` symbols.

    ``refuses`` tells what does not trade the symbol. It begins a sentence of the error, which the symbol ends.
    """
    detail = f"{refuses} {symbol[:MAX_SHOWN]!r}."
    nearest = nearest_name(symbol, tradable)
    if nearest is None:
        return SymbolNotFoundError(detail, symbol=symbol[:MAX_SHOWN])
    return SymbolNotFoundError(f"{detail} The nearest symbol is {nearest}.", symbol=symbol[:MAX_SHOWN], nearest=nearest)
