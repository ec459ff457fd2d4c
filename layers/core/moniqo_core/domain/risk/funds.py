"""The refusal of an order that the free funds of a wallet do not cover."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import InsufficientBalanceError
from moniqo_core.domain.money import plain

_NONE_COVERED: Final = (
    "The free funds cover no amount of this order. GET /wallets/{id}/balance shows them. To release the funds that open"
    " orders lock, cancel the orders of a symbol with DELETE /wallets/{id}/orders?symbol=...."
)


def not_covered(asset: str, needed: Decimal, available: Decimal, largest: Decimal) -> InsufficientBalanceError:
    """Return the error for an order that needs more of an asset than is available.

    ``largest`` is the largest amount of the order that the funds cover. The hint suggests a lower amount only if funds
    cover one.
    """
    return InsufficientBalanceError(
        f"Needs {plain(needed)} {asset}. {plain(available)} {asset} is available.",
        needed=needed,
        available=available,
        asset=asset,
        suggested_amount=largest,
        hint=None if largest > 0 else _NONE_COVERED,
    )
